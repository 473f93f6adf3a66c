import { keepsCache } from '../adapters/kubernetes/agent/agent-pod.ts';
import type { Logger } from '../base/logger.ts';
import type { Plan } from '../plan/plan.ts';
import type { Policy } from '../policy/policy.ts';
import { ConflictError, NotFoundError } from '../ports/cluster-errors.ts';
import type { Connection } from './connection.ts';

/** The claim that the sandbox keeps caches on where the file names none. */
const sandboxClaim = 'slipway-cache';

/** What {@link prepareCaches} needs. */
export interface CachePlace {
  connection: Pick<Connection, 'cluster' | 'sandbox'>;
  policies: readonly Policy[];
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Sees to it that caches are kept where they can be: the sandbox makes the claim that the file names, or one of its own,
 * which is a folder there. A cluster needs `agent.cache`; without it a warning says that caches end with the run.
 */
export async function prepareCaches(plan: Plan, place: CachePlace): Promise<Plan> {
  const { connection, policies, logger } = place;
  const isUsed = plan.nodes.some(({ kind, input }) => kind === 'run' && input['cache'] !== undefined);
  if (!isUsed) return plan;
  // A policy may limit claims: one that the file does not name is not for it to allow.
  const own = connection.sandbox && policies.length === 0 ? sandboxClaim : undefined;
  const agents = Object.entries(plan.agents).map(([name, agent]) => {
    const needsOwn = own !== undefined && !keepsCache(agent);
    return [name, needsOwn ? { ...agent, cacheClaim: own } : agent] as const;
  });
  if (agents.some(([, agent]) => !keepsCache(agent)))
    logger.warn(
      'caches end with the run: agent.cache names no claim that keeps them (docs/pipeline-file.md)',
    );
  if (connection.sandbox) {
    const claims = agents.flatMap(([, { cacheClaim }]) => cacheClaim ?? []);
    for (const claim of new Set(claims)) await makeClaim(claim, plan.namespace, place);
  }
  return { ...plan, agents: Object.fromEntries(agents) };
}

async function makeClaim(name: string, namespace: string, { connection, signal }: CachePlace): Promise<void> {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec };
  if ((await connection.cluster.get({ ...claim, name, namespace }, { signal })) !== undefined) return;
  try {
    await connection.cluster.create(claim, { signal });
  } catch (error) {
    // Another run was faster; or there is no such namespace, which the run says.
    if (!(error instanceof ConflictError || error instanceof NotFoundError)) throw error;
  }
}
