import { isWorkload, nameOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { Refusal } from '../strategy.ts';

/** What to do where a strategy cannot release a Deployment. */
export const rollingHint = 'release it with strategy: {rolling: {}}';

/** The Deployments among objects. */
export function deploymentsOf(objects: readonly KubernetesObject[]): Workload[] {
  return objects.filter((object): object is Workload => isWorkload(object) && object.kind === 'Deployment');
}

/** What of the objects keeps a strategy that holds one Deployment from releasing them, and why. */
export function holdingRefusals(strategy: string, objects: readonly KubernetesObject[]): Refusal[] {
  const deployments = deploymentsOf(objects);
  const others = objects.filter((object) => isWorkload(object) && object.kind !== 'Deployment');
  const [deployment, second] = deployments;
  return [
    ...others.map((object) => otherKind(strategy, object)),
    ...(second === undefined ? [] : [severalDeployments(strategy, second, deployments.length)]),
    ...(deployment === undefined ? [noDeployment(strategy)] : deploymentRefusals(strategy, deployment)),
  ];
}

function noDeployment(strategy: string): Refusal {
  return { message: `${strategy} releases a Deployment, and the manifests have none`, hint: rollingHint };
}

function otherKind(strategy: string, object: KubernetesObject): Refusal {
  const reasons: Partial<Record<string, string>> = {
    StatefulSet: 'its pods have names and volumes of their own, so that there cannot be two groups of them',
    DaemonSet: 'a node has one pod of it, so that there cannot be two groups of them',
    Job: 'it ends, and serves nothing',
  };
  const reason = reasons[object.kind] ?? 'it has no rollout that can be held';
  return {
    object,
    field: 'kind',
    message: `${strategy} cannot release ${nameOf(referenceOf(object))}: ${reason}`,
    hint:
      object.kind === 'Job'
        ? 'name its file under deploy.migrate.job, if it must complete before the release; else release it in a deploy stage of its own, with another "application" and strategy: {rolling: {}}'
        : 'release it in a deploy stage of its own, with another "application" and strategy: {rolling: {}}',
  };
}

function severalDeployments(strategy: string, object: Workload, count: number): Refusal {
  return {
    object,
    field: 'metadata.name',
    message: `${strategy} releases one Deployment, and the manifests have ${String(count)}`,
    hint: 'release the others in a deploy stage of their own, with another "application"',
  };
}

function deploymentRefusals(strategy: string, object: Workload): Refusal[] {
  const name = nameOf(referenceOf(object));
  const { strategy: rollout, paused } = object.spec;
  const recreate: Refusal = {
    object,
    field: 'spec.strategy.type',
    message: `${strategy} cannot release ${name}: its strategy Recreate stops all old pods before the first new one`,
    hint: `take spec.strategy out of the manifest, or ${rollingHint}`,
  };
  const pausedManifest: Refusal = {
    object,
    field: 'spec.paused',
    message: `${strategy} cannot release ${name}: the manifest pauses it, so that no new pod would start`,
    hint: 'take spec.paused out of the manifest',
  };
  return [...(rollout?.type === 'Recreate' ? [recreate] : []), ...(paused === true ? [pausedManifest] : [])];
}
