import { nameOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { routedParts, trafficRefusals } from '../canary-by-router/parts.ts';
import { deploymentsOf, holdingRefusals, rollingHint } from '../held/refusals.ts';
import type { HeldParts } from '../holding.ts';
import type { Refusal } from '../strategy.ts';
import { stepsOf, type CanarySettings } from './settings.ts';
import { expressibleWeights, isExpressible } from './share.ts';

/** What of a release's objects a canary release holds; undefined where they are refused. */
export function canaryParts(
  objects: readonly KubernetesObject[],
  settings: CanarySettings,
): HeldParts | undefined {
  if (settings.traffic !== undefined) return routedParts(objects, settings, settings.traffic);
  const [deployment] = deploymentsOf(objects);
  return deployment === undefined ? undefined : { deployment };
}

/** What of the objects keeps a canary release from being made, and why. */
export function canaryRefusals(objects: readonly KubernetesObject[], settings: CanarySettings): Refusal[] {
  const [deployment] = deploymentsOf(objects);
  const refusals = holdingRefusals('canary', objects);
  // With a router the new pods are beside all old ones, and any weight can be had.
  if (settings.traffic !== undefined)
    return [...refusals, ...trafficRefusals(objects, settings, settings.traffic)];
  // How many pods there are is known only later where an autoscaler says it, or no manifest does; what is no number, the
  // API refuses.
  if (typeof deployment?.spec.replicas !== 'number' || deployment.spec.replicas === 0) return refusals;
  if (objects.some(({ kind }) => kind === 'HorizontalPodAutoscaler')) return refusals;
  return [...refusals, ...shareRefusals(deployment, deployment.spec.replicas, settings)];
}

function shareRefusals(object: Workload, replicas: number, settings: CanarySettings): Refusal[] {
  const name = nameOf(referenceOf(object));
  const field = 'spec.replicas';
  if (replicas === 1)
    return [
      {
        ...{ object, field },
        message: `canary cannot release ${name}: of one pod no share can be new`,
        hint: `give it two replicas or more, or ${rollingHint}`,
      },
    ];
  return stepsOf(settings).flatMap((step): Refusal[] => {
    if ('weight' in step && !isExpressible(step.weight, replicas))
      return [
        {
          ...{ object, field },
          message: `canary cannot give ${String(step.weight)} % of the pods of ${name} to the new version: it has ${String(replicas)}`,
          hint: `with ${String(replicas)} pods a weight may be ${expressibleWeights(replicas)}`,
        },
      ];
    if ('replicas' in step && step.replicas > replicas)
      return [
        {
          ...{ object, field },
          message: `canary cannot start ${String(step.replicas)} new pods of ${name}: it has ${String(replicas)} replicas`,
          hint: 'lower the number of the step',
        },
      ];
    return [];
  });
}
