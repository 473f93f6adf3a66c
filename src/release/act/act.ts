import { defined } from '../../base/defined.ts';
import type { Sample } from '../../analysis/sample.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import { applyObjects, applyOne } from './apply-objects.ts';
import { autoscaledWorkloads } from './autoscalers.ts';
import { prune, removeOldConfiguration, prunable } from './clean-up.ts';
import { earlierManifests } from '../record/earlier-manifests.ts';
import { revisionOf, trimmed, type ReleasedJobs } from '../record/release-record.ts';
import { endMigration, startMigration } from './migrate.ts';
import { measure } from './measure.ts';
import { heldObjects, makePreview, removePreview, selectPods, writeRollout } from './hold.ts';
import { writeRoute } from './route.ts';
import { servicesToSelect, withHeldSelectors } from './service-selectors.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import type { ReleaseSession } from '../session.ts';
import type { Action } from '../../strategies/strategy.ts';

/** What an action changed in the release's state. */
export interface ActResult {
  generations?: Record<string, number>;
  jobs?: ReleasedJobs;
  replicas?: Record<string, number>;
  /** A measurement that was taken, and what it is kept under. */
  sample?: { key: string; sample: Sample };
  /** A Job that has ended: it is removed when its sample is written. */
  job?: ObjectReference;
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
    case 'select':
      await selectNewPods(action.revision, session, options);
      return {};
    case 'cleanUp':
      await cleanUp(action.revision, session, options);
      return {};
    case 'migrate':
      return { jobs: await startMigration(session, options) };
    case 'endMigration':
      await endMigration(session, options);
      return {};
    case 'measure': {
      const { sample, job } = await measure(action, session, options);
      return sample === undefined ? {} : { sample: { key: action.key, sample }, ...defined({ job }) };
    }
    case 'hold':
      return applyRevision(action.revision, session, options, {
        prepare: (objects) => heldObjects(objects, action, session),
        keepsReplicas: action.share !== undefined,
      });
    case 'rollout':
      return writeRollout(action, session, options);
    case 'selectPods':
      await selectPods(action, session, options);
      return {};
    case 'preview':
      await makePreview(action, session, options);
      return {};
    case 'removePreview':
      await removePreview(action.service, session, options);
      return {};
    case 'route':
      await writeRoute(action, session, options);
      return {};
  }
}

async function applyRevision(
  number: number,
  session: ReleaseSession,
  options: CallOptions,
  held: { prepare?: (objects: KubernetesObject[]) => KubernetesObject[]; keepsReplicas?: boolean } = {},
): Promise<ActResult> {
  const { cluster, clock, report } = session.ports;
  const objects = await session.store.loadRevision(number, options);
  await session.expectJobs(number, options);
  const isRollback = number !== session.current.revision;
  const request = {
    cluster,
    clock,
    // In a rollback the released state wins over other managers.
    force: session.settings.force || isRollback,
    // What was answered has its generation; nothing of it can still be under way.
    isUnanswered: (key: string) => isRollback && session.current.generations[key] === undefined,
    replicas: session.record.replicas,
    keepsReplicas: held.keepsReplicas === true,
    autoscaled: await autoscaledWorkloads(objects, cluster, options),
    earlier: earlierManifests(objects, session, options),
    notice: (message: string) => report.notice('info', message),
  };
  // In a rollback the Services come first: the new selector is written only when the new pods are available.
  const first = isRollback ? objects : await withHeldSelectors(objects, cluster, options);
  return applyObjects(held.prepare?.(first) ?? first, request, options);
}

/** All new pods are available: Services that kept their selector until now get that of the revision. */
async function selectNewPods(number: number, session: ReleaseSession, options: CallOptions): Promise<void> {
  const { cluster, clock, report } = session.ports;
  const objects = await session.store.loadRevision(number, options);
  const { force } = session.settings;
  for (const service of await servicesToSelect(objects, cluster, options)) {
    await applyOne(service, { cluster, clock, force }, options);
    await report.notice('info', `${nameOf(referenceOf(service))} selects the new pods`);
  }
}

/** Prunes, where asked to; forgets revisions beyond the limit, then the configuration that only they needed. */
async function cleanUp(number: number, session: ReleaseSession, options: CallOptions): Promise<void> {
  const { cluster, report } = session.ports;
  const revision = revisionOf(session.record, number);
  if (session.settings.prune) {
    const references = prunable(session.record, revision);
    const deleted = await prune(references, session.application, cluster, options);
    if (deleted.length > 0) await report.notice('info', `pruned ${deleted.join(', ')}`);
  }
  const before = session.record;
  const after = trimmed(before);
  const forgotten = before.history.filter((entry) => !after.history.includes(entry));
  const unused = before.history.filter((entry) => isForgettable(entry.outcome) && entry.number !== number);
  for (const entry of [...forgotten, ...unused]) {
    if (entry.number === session.current.revision) continue;
    await session.store.removeRevision(entry.number, options);
    if (entry.migration !== undefined) await session.store.removeMigration(entry.number, options);
  }
  if (forgotten.length > 0) await session.save(after, options);
  const namespaces = [...new Set(revision.objects.flatMap((object) => object.namespace ?? []))];
  await removeOldConfiguration(after, namespaces, cluster, options);
}

/** A revision that never served is not rolled back to. */
function isForgettable(outcome: string): boolean {
  return outcome === 'rolledBack' || outcome === 'failed';
}
