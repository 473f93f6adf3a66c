import type { CallOptions } from '../ports/cluster.ts';
import { applyObjects } from './apply-objects.ts';
import { autoscaledWorkloads } from './autoscalers.ts';
import { prune, removeOldConfiguration, superfluous } from './clean-up.ts';
import { revisionOf, trimmed } from './release-record.ts';
import type { ReleaseSession } from './release-session.ts';
import type { Action, ReleaseState } from './strategy.ts';

/** What an action changed in the release's state. */
export interface ActResult {
  generations?: ReleaseState['generations'];
  replicas?: Record<string, number>;
}

/** Does one action. Doing it again after a death half-way is harmless. @throws ClusterError, FieldConflictError */
export async function act(action: Action, session: ReleaseSession, options: CallOptions): Promise<ActResult> {
  switch (action.type) {
    case 'apply':
      return applyRevision(action.revision, session, options);
    case 'deletePods':
      for (const { reference, uid } of action.pods) {
        await session.ports.cluster.delete(reference, { ...options, uid });
      }
      return {};
    case 'cleanUp':
      await cleanUp(action.revision, session, options);
      return {};
  }
}

async function applyRevision(
  number: number,
  session: ReleaseSession,
  options: CallOptions,
): Promise<ActResult> {
  const { cluster, clock, report } = session.ports;
  const objects = await session.store.loadRevision(number, options);
  const goingBack = number !== session.current.revision;
  const request = {
    cluster,
    clock,
    // On the way back the released state wins over whoever else has a say.
    force: session.current.force || goingBack,
    replicas: session.record.replicas,
    autoscaled: await autoscaledWorkloads(objects, cluster, options),
    notice: (message: string) => report.notice('info', message),
  };
  return applyObjects(objects, request, options);
}

/** Prunes, where asked to; forgets revisions beyond the limit, then the configuration that only they needed. */
async function cleanUp(number: number, session: ReleaseSession, options: CallOptions): Promise<void> {
  const { cluster, report } = session.ports;
  const revision = revisionOf(session.record, number);
  if (session.current.prune) {
    const references = superfluous(session.record, revision);
    const deleted = await prune(references, session.application, cluster, options);
    if (deleted.length > 0) await report.notice('info', `pruned ${deleted.join(', ')}`);
  }
  const before = session.record;
  const after = trimmed(before);
  const forgotten = before.history.filter((entry) => !after.history.includes(entry));
  const unused = before.history.filter((entry) => isForgettable(entry.outcome) && entry.number !== number);
  for (const entry of [...forgotten, ...unused]) {
    if (entry.number !== before.current?.revision) await session.store.removeRevision(entry.number, options);
  }
  if (forgotten.length > 0) await session.save(after, options);
  const namespaces = [...new Set(revision.objects.flatMap((object) => object.namespace ?? []))];
  await removeOldConfiguration(after, namespaces, cluster, options);
}

/** Nobody goes back to a revision that never served. */
function isForgettable(outcome: string): boolean {
  return outcome === 'rolledBack' || outcome === 'failed';
}
