import { defined } from '../../base/defined.ts';
import { isFields } from '../../base/fields.ts';
import { evaluateText } from '../../expressions/evaluate.ts';
import { containersOf, nameOf, podTemplateOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import type { ImagePull } from '../../kubernetes/image-pull.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import { releaseTarget } from '../../stages/deploy/release-target.ts';
import { repositoryOf, setImages } from '../../stages/deploy/set-images.ts';
import { atDeployStages } from '../deploy-stages.ts';
import { inNamespace, readStageManifests, type ManifestSearch } from '../stage-manifests.ts';
import type { PullPlan } from './pull-plan.ts';
import { pushedRepositories, type PushedRepository } from './pushed-repositories.ts';

/** A pull, and where it was found. */
export interface FoundPull extends ImagePull {
  /** The deploy stage, by its node's name; missing for an agent. */
  stage?: string;
  /** What makes the pods; missing for an agent. */
  reference?: ObjectReference;
  /** What the same release brings: its Secrets and ServiceAccounts among them. */
  objects: readonly KubernetesObject[];
}

type Node = PullPlan['nodes'][number];

/** Stands for the digest that the run will push. */
const someDigest = `sha256:${'0'.repeat(64)}`;

/**
 * The pods that take images which the run pushes with credentials, as far as the file and the manifests on this machine
 * tell. Manifests that are not there or cannot be read have none.
 */
export async function findPulls(plan: PullPlan, search: ManifestSearch): Promise<FoundPull[]> {
  const pushed = await pushedRepositories(plan, search.git);
  if (pushed.length === 0) return [];
  const look = (node: Node) => deployPulls(node, { plan, pushed, search });
  return [...agentPulls(plan, pushed), ...(await atDeployStages(plan, look))];
}

interface DeployContext {
  plan: PullPlan;
  pushed: readonly PushedRepository[];
  search: ManifestSearch;
}

async function deployPulls(node: Node, { plan, pushed, search }: DeployContext): Promise<FoundPull[]> {
  const { settings, manifests, migration } = await readStageManifests(node, plan, search);
  const { namespace } = releaseTarget(settings, { pipeline: plan.pipeline, namespace: plan.namespace ?? '' });
  const placed = [...manifests, ...migration].map(({ object }) => inNamespace(object, namespace));
  const references = pushed.map(({ stage, written }) => ({ stage, reference: `${written}@${someDigest}` }));
  const images = await imagesOf(node, { plan, pushed, search });
  const { objects } = setImages(placed, images, references);
  return objects.flatMap((object) => {
    const template = podTemplateOf(object);
    const repositories = new Set(containersOf(template).map(({ image = '' }) => repositoryOf(image)));
    return pushed
      .filter(({ written }) => repositories.has(written))
      .map(({ stage: pushedBy, repository }) => ({
        ...{ stage: node.name, workload: nameOf(referenceOf(object)), repository, pushedBy, objects },
        ...defined({ namespace: object.metadata.namespace }),
        ...podLogins(template?.spec),
        reference: referenceOf(object),
      }));
  });
}

/** `deploy.images` with what the image stages will put out; undefined where the stage names none. */
async function imagesOf(
  node: Node,
  { plan, pushed, search: { git = {} } }: DeployContext,
): Promise<Record<string, string> | undefined> {
  const { images } = node.input['deploy'] as { images?: Record<string, string> };
  if (images === undefined) return undefined;
  const none = plan.nodes.map(({ stage }) => [stage, { outcome: '', outputs: {} }] as const);
  const outputs = pushed.map(({ stage, written }) => {
    const reference = `${written}@${someDigest}`;
    return [
      stage,
      { outcome: '', outputs: { reference, digest: someDigest, repository: written, tag: 'latest' } },
    ] as const;
  });
  const stages = Object.fromEntries([...none, ...outputs]);
  const scope = { params: plan.parameters, trigger: plan.trigger, matrix: node.matrix, git, stages };
  const entries: [string, string][] = [];
  for (const [container, text] of Object.entries(images)) {
    entries.push([container, await evaluateText(text, scope)]);
  }
  return Object.fromEntries(entries);
}

function agentPulls(plan: PullPlan, pushed: readonly PushedRepository[]): FoundPull[] {
  return Object.entries(plan.agents).flatMap(([name, agent]) => {
    const images = [...agent.containers, ...agent.services].map(({ image }) => repositoryOf(image));
    const { secrets, account } = podLogins(agent.podTemplate?.['spec']);
    return pushed
      .filter(({ written }) => images.includes(written))
      .map(({ stage: pushedBy, repository }) => ({
        ...{ workload: `agent ${name}`, repository, pushedBy, objects: [], account },
        ...defined({ namespace: plan.namespace }),
        secrets: [...agent.imagePullSecrets, ...secrets],
      }));
  });
}

/** What of a pod's `spec` tells its logins. */
function podLogins(spec: unknown): Pick<ImagePull, 'secrets' | 'account'> {
  const { imagePullSecrets, serviceAccountName, serviceAccount } = isFields(spec) ? spec : {};
  const account = [serviceAccountName, serviceAccount].find(
    (name) => typeof name === 'string' && name !== '',
  );
  return { secrets: namesIn(imagePullSecrets), account: (account as string | undefined) ?? 'default' };
}

/** The names of a list of references, as `imagePullSecrets` is. */
export function namesIn(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) =>
    isFields(item) && typeof item['name'] === 'string' ? [item['name']] : [],
  );
}
