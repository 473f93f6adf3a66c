import { defined } from '../base/defined.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { adoptable } from './act/adopt.ts';
import { assertNotHeld } from './act/left-hold.ts';
import { assertSelectable } from './act/service-selectors.ts';
import { rollBackLeft } from './left-release.ts';
import {
  nextRevision,
  revisionOf,
  withRevision,
  type ReleaseRecord,
  type ReleaseSettings,
} from './record/release-record.ts';
import { entryOf } from './record/revision-entry.ts';
import type { ReleaseRequest } from './held-release.ts';
import type { ReleaseMigration } from './migration.ts';
import { sameInWindow } from './rollback-window.ts';
import type { ReleaseSession } from './session.ts';
import { strategyOf } from './strategy-of.ts';

/** A request to release objects, complete and in the order of their dependencies. */
export interface ReleaseObjectsRequest extends ReleaseRequest {
  /** Name of the strategy. */
  strategy: string;
  settings: ReleaseSettings;
  objects: readonly KubernetesObject[];
  /** What must have ended before any of them is applied; missing: nothing. */
  migration?: ReleaseMigration;
}

/** The phase's time continues from what the runner before had measured; the write shuts that runner out. */
export async function resume(session: ReleaseSession, options: CallOptions): Promise<void> {
  const { report } = session.ports;
  const { revision, state } = session.current;
  await report.notice(
    'info',
    `resuming revision ${String(revision)} of ${session.application} in phase ${state.phase}`,
  );
  await session.saveCurrent({ owner: session.holder }, options);
}

/** Makes the objects of a request the next revision; what an earlier release has left is brought to rest, or takes its place. */
export async function begin(
  session: ReleaseSession,
  request: ReleaseObjectsRequest & { rollbackOf?: number; retryOf?: number },
  options: CallOptions,
): Promise<void> {
  const { application, ports } = session;
  const { clock, cluster } = ports;
  // Once more under the lease: another release may have changed the pods since the preflight.
  await assertSelectable(request.objects, cluster, options);
  await rollBackLeft(session, request.strategy, options);
  const strategy = session.strategies.get(request.strategy);
  if (strategy.parts === undefined) await assertNotHeld(request.objects, { cluster, application }, options);
  const record = await withAdopted(await superseded(session), session, request, options);
  const number = nextRevision(record);
  await session.store.saveRevision(number, request.objects, { ...options, owner: session.owner });
  const { migration, rollbackOf, retryOf } = request;
  if (migration !== undefined)
    await session.store.saveMigration(number, migration.objects, { ...options, owner: session.owner });
  const entry = entryOf({ number, outcome: 'unfinished', startedAt: clock.now() }, request.objects, request);
  const { rollbackWindow: revisions } = request.settings;
  const sameAs =
    revisions === undefined || rollbackOf !== undefined
      ? undefined
      : await sameInWindow(request.objects, { revisions, record, store: session.store }, options);
  if (sameAs !== undefined)
    await ports.report.notice(
      'info',
      `revision ${String(number)} has the pods of revision ${String(sameAs)}, which is in the rollbackWindow: it waits at no pause and measures nothing`,
    );
  const migrates = migration && { job: migration.job, timeoutMs: migration.timeoutMs };
  const newest = { ...entry, ...defined({ rollbackOf, retryOf, sameAs, migration: migrates }) };
  const begins = strategyOf(newest, session.strategies);
  const state = begins.begin(strategy.settings.parse(request.settings.strategy));
  await session.replaceCurrent(
    {
      revision: number,
      owner: session.holder,
      state: { ...state },
      phaseSpentMs: 0,
      generations: {},
      ...defined({ stable: record.stable }),
    },
    options,
    { ...record, history: [...record.history, newest] },
  );
}

/** The record of a first release with what was there before it as its first revision. */
async function withAdopted(
  record: ReleaseRecord,
  session: ReleaseSession,
  { objects, strategy }: ReleaseObjectsRequest,
  options: CallOptions,
): Promise<ReleaseRecord> {
  const { cluster, clock } = session.ports;
  if (record.history.length > 0) return record;
  const adopted = await adoptable(objects, cluster, options);
  if (adopted.length === 0) return record;
  await session.store.saveRevision(1, adopted, { ...options, owner: session.owner });
  const by = { runId: '', pipeline: '', stage: '', attempt: 0, who: '' };
  const started = { number: 1, outcome: 'adopted', startedAt: clock.now() } as const;
  return { ...record, stable: 1, history: [entryOf(started, adopted, { by, strategy })] };
}

/** The record with a release closed whose runner died: a new version takes its place. */
async function superseded(session: ReleaseSession): Promise<ReleaseRecord> {
  const { record, ports } = session;
  if (record.current === undefined) return record;
  const { current, ...rest } = record;
  const old = revisionOf(record, current.revision);
  await ports.report.notice(
    'warning',
    `revision ${String(current.revision)} of ${session.application} (run ${old.runId}) was left in phase ${current.state.phase}; the new revision takes its place`,
  );
  return withRevision(rest, current.revision, { outcome: 'superseded', finishedAt: ports.clock.now() });
}
