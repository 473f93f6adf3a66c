import { defined } from '../base/defined.ts';
import { messageOf, SlipwayError } from '../base/errors.ts';
import type { Builder } from '../ports/builder.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Registry, RegistryCredentials } from '../ports/registry.ts';
import type { CheckedPull } from './pulls/check-pulls.ts';
import { describeRight, neededRights } from './access-questions.ts';

/** What was found of one thing that a run needs. */
export interface Finding {
  check: 'policy' | 'cluster' | 'rights' | 'agent' | 'builder' | 'registry' | 'image' | 'pull' | 'secret';
  state: 'ok' | 'warning' | 'failed';
  message: string;
  /** What to do. */
  hint?: string;
}

/** An image repository that the run pushes to. */
export interface PushTarget {
  repository: string;
  credentials?: () => Promise<RegistryCredentials>;
}

/** What is looked at. */
export interface DoctorOptions {
  cluster: Cluster;
  /** Namespace of the agent pod. */
  agentNamespace: string;
  /** Namespaces that deploy stages release to. */
  releaseNamespaces: readonly string[];
  /** Names of the secrets of the file, and how each is read. */
  secrets: readonly { name: string; read: () => Promise<unknown> }[];
  builders: readonly Builder[];
  registry: Registry;
  pushTargets: readonly PushTarget[];
  /** Agents of the file, and how the API is asked whether it takes the pod of each, and told what it warns of. */
  agents: readonly { name: string; rehearse: (onWarning: (text: string) => void) => Promise<void> }[];
  /** Images of the agent's containers and services. */
  agentImages: readonly string[];
  /** Looks whether pods can pull what the run pushes. */
  pulls: () => Promise<readonly CheckedPull[]>;
  signal: AbortSignal;
}

/** Looks at everything that a run will need and changes nothing. Findings come as they are made. */
export async function* examine(options: DoctorOptions): AsyncGenerator<Finding> {
  const cluster = await checkCluster(options);
  yield cluster;
  if (cluster.state === 'failed') return;
  yield* checkRights(options);
  for (const secret of options.secrets) {
    yield await finding('secret', `secret ${secret.name} can be read`, secret.read);
  }
  yield* checkAgents(options);
  if (options.pushTargets.length > 0) yield await checkBuilders(options);
  for (const target of options.pushTargets) yield await checkPush(target, options);
  for (const image of options.agentImages) yield await checkImage(image, options);
  for (const pull of await options.pulls()) yield pullFinding(pull);
}

async function checkCluster({ cluster, signal }: DoctorOptions): Promise<Finding> {
  const { name, server } = cluster.identity;
  return finding('cluster', `${name} answers at ${server}`, async () => {
    const { gitVersion } = await cluster.version({ signal });
    return `Kubernetes ${gitVersion}`;
  });
}

async function* checkRights(options: DoctorOptions): AsyncGenerator<Finding> {
  const { cluster, agentNamespace, releaseNamespaces, signal } = options;
  const rights = neededRights(agentNamespace, releaseNamespaces);
  const answers = await cluster.mayI(rights, { signal });
  const missing = rights.filter((_right, index) => answers[index] !== true);
  const namespaces = [...new Set([agentNamespace, ...releaseNamespaces])].join(', ');
  if (missing.length === 0) {
    yield {
      check: 'rights',
      state: 'ok',
      message: `all ${String(rights.length)} rights are given in ${namespaces}`,
    };
  }
  for (const right of missing) {
    const hint = 'apply the manifests of deploy/rbac, or ask who runs the cluster';
    yield { check: 'rights', state: 'failed', message: `not allowed: ${describeRight(right)}`, hint };
  }
}

async function* checkAgents({ agents, agentNamespace }: DoctorOptions): AsyncGenerator<Finding> {
  for (const { name, rehearse } of agents) {
    const warnings = new Set<string>();
    const message = `${agentNamespace} takes the pod of agent ${name}`;
    yield await finding('agent', message, () => rehearse((text) => void warnings.add(text)));
    for (const text of warnings)
      yield { check: 'agent', state: 'warning', message: `the pod of agent ${name}: ${text}` };
  }
}

async function checkBuilders({ builders, signal }: DoctorOptions): Promise<Finding> {
  const reasons: string[] = [];
  for (const builder of builders) {
    const why = await builder.unavailable({ signal });
    if (why === undefined)
      return { check: 'builder', state: 'ok', message: `images are built by: ${builder.name}` };
    reasons.push(`${builder.name}: ${why}`);
  }
  const hint = 'start a Docker Engine, name one by --docker-host, or use a sidecar (docs/images.md)';
  return { check: 'builder', state: 'failed', message: reasons.join('; '), hint };
}

async function checkPush(target: PushTarget, { registry, signal }: DoctorOptions): Promise<Finding> {
  return finding('registry', `may push to ${target.repository}`, async () => {
    const credentials = await target.credentials?.();
    await registry.checkPush(target.repository, {
      signal,
      ...defined({ credentials }),
    });
  });
}

/** Whether the registry has an image; a registry that cannot be reached from here may be reached by the nodes. */
async function checkImage(image: string, { registry, signal }: DoctorOptions): Promise<Finding> {
  const [repository, tag] = splitTag(image);
  try {
    const digest = await registry.resolve({ repository, tag }, { signal });
    if (digest !== undefined) return { check: 'image', state: 'ok', message: `${image} is ${digest}` };
    return {
      check: 'image',
      state: 'warning',
      message: `${image} is not in its registry`,
      hint: 'check name and tag',
    };
  } catch (error) {
    signal.throwIfAborted();
    const message = `${image} could not be looked up from here: ${messageOf(error)}`;
    return {
      check: 'image',
      state: 'warning',
      message,
      hint: 'the nodes may still have it, or reach the registry',
    };
  }
}

/** Never a failure: nodes may have a login, and the registry may let anybody read. */
function pullFinding(pull: CheckedPull): Finding {
  const { message } = pull;
  return pull.state === 'ok'
    ? { check: 'pull', state: 'ok', message }
    : { check: 'pull', state: 'warning', message, hint: pull.hint };
}

function splitTag(image: string): [repository: string, tag: string] {
  const name = image.split('@', 1)[0] ?? image;
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? [name.slice(0, colon), name.slice(colon + 1)] : [name, 'latest'];
}

async function finding(
  check: Finding['check'],
  message: string,
  look: () => Promise<unknown>,
): Promise<Finding> {
  try {
    const more = await look();
    return { check, state: 'ok', message: typeof more === 'string' ? `${message}: ${more}` : message };
  } catch (error) {
    const hint = error instanceof SlipwayError ? error.hint : undefined;
    return { check, state: 'failed', message: messageOf(error), ...defined({ hint }) };
  }
}
