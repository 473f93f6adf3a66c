import { realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defined } from '../base/defined.ts';
import { checkAgent, checkHost, checkObjects, checkStage, checkWrite } from '../policy/check.ts';
import type { Policy } from '../policy/policy.ts';
import type { Agents } from '../ports/agent.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../ports/kubernetes-object.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import { guardedCluster } from '../release/guarded-cluster.ts';
import type { AdmitObjects } from '../stages/deploy/prepare.ts';
import type { AdmitHost } from '../probes/open-connection.ts';
import { checkoutSpellings } from '../policy/uses/spellings.ts';
import { defaultAgentImage } from './default-agent-image.ts';
import { PolicyError } from './policy-error.ts';

/** A kind of stage that runs what policies allow: its input is looked at when all expressions have their values. */
export function guardStage(kind: AnyStageKind, policies: readonly Policy[], directory: string): AnyStageKind {
  if (policies.length === 0) return kind;
  return {
    ...kind,
    run: async (input, context) => {
      const { namespace } = context.run;
      const { key } = kind.definition;
      for (const each of [input as Record<string, unknown>, ...(await overLinks(key, input, directory))]) {
        const stage = { kind: key, input: each, path: [] };
        PolicyError.assertNone(checkStage(stage, policies, { directory, namespace }));
      }
      return kind.run(input, context);
    },
  };
}

/** A checkout of this machine's, as it is called without links: a link must not lead around a policy. */
async function overLinks(
  kind: string,
  input: Record<string, unknown>,
  directory: string,
): Promise<Record<string, unknown>[]> {
  const { url } = (input[kind] ?? {}) as { url?: unknown };
  if (kind !== 'checkout' || typeof url !== 'string') return [];
  const [spelling] = checkoutSpellings(url, directory);
  if (spelling?.startsWith('file://') !== true) return [];
  const actual = await realpath(url.startsWith('file:') ? fileURLToPath(url) : spelling.slice(7)).catch(
    () => undefined, // not there: the checkout will say so
  );
  return actual === undefined ? [] : [{ checkout: { url: actual } }];
}

/** Agents that are made as policies allow. */
export function guardAgents(
  agents: Pick<Agents, 'acquire' | 'release' | 'view'>,
  policies: readonly Policy[],
): Pick<Agents, 'acquire' | 'release' | 'view'> {
  if (policies.length === 0) return agents;
  return {
    acquire: async (spec, options) => {
      PolicyError.assertNone(checkAgent(spec, policies, defaultAgentImage));
      return agents.acquire(spec, options);
    },
    release: (run, options) => agents.release(run, options),
    view: (run, options) => agents.view(run, options),
  };
}

/** Looks at the objects of a release before any of them is sent. */
export function objectGuard(policies: readonly Policy[]): AdmitObjects {
  return (objects) => PolicyError.assertNone(checkObjects(objects, policies));
}

/** Looks at each host before it is asked, those of redirects among them. */
export function hostGuard(policies: readonly Policy[]): AdmitHost {
  return (target) => PolicyError.assertNone(checkHost(target, policies));
}

/**
 * The cluster for deploys. Their objects are looked at when they are read; this holds for what comes of records in the
 * cluster, too, which tell what is pruned and what a rollback applies.
 */
export function guardCluster(cluster: Cluster, policies: readonly Policy[]): Cluster {
  if (policies.length === 0) return cluster;
  return guardedCluster(cluster, async (write, options) => {
    const object = 'object' in write ? write.object : placeOf(write.reference);
    const { namespace: _, ...placeless } = object.metadata;
    const served = await cluster.served(object, options);
    // A namespace that the kind does not have is not where the object goes.
    const placed = served?.namespaced === false ? { ...object, metadata: placeless } : object;
    PolicyError.assertNone(checkWrite(placed, policies, { deletes: write.type === 'delete' }));
    return options;
  });
}

function placeOf({ apiVersion, kind, name, namespace }: ObjectReference): KubernetesObject {
  return { apiVersion, kind, metadata: { name, ...defined({ namespace }) } };
}
