import { InputError, messageOf } from '../base/errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { adoptable } from './adopt.ts';
import { goBack, reconcile, type ReleaseResult } from './reconcile.ts';
import { acquireReleaseLease } from './release-lease.ts';
import { nextRevision, revisionOf, withRevision, type ReleaseRecord } from './release-record.ts';
import { ReleaseSession, type ReleasePorts } from './release-session.ts';
import { ReleaseStore } from './release-store.ts';
import {
  assertOwnName,
  endedBefore,
  entryOf,
  isSameRelease,
  isServable,
  previousRevision,
  type ReleaseOrigin,
} from './revision-entry.ts';
import type { StrategySettings } from './strategy.ts';

/** Who releases what, and how. */
export interface ReleaseRequest {
  application: string;
  /** Where the release's record is kept; it must exist. */
  namespace: string;
  strategy: StrategySettings;
  /** Milliseconds for the way forward, and again for the way back. */
  timeoutMs: number;
  rollback: 'auto' | 'never';
  prune: boolean;
  force: boolean;
  /** Milliseconds to wait while another run releases the application. */
  lockTimeoutMs: number;
  by: ReleaseOrigin;
}

/** A request to release objects, complete and in the order of their dependencies. */
export interface ReleaseObjectsRequest extends ReleaseRequest {
  objects: readonly KubernetesObject[];
}

/** Milliseconds in which an aborted release turns back: one round of applying. */
const turnBackMs = 20_000;

/**
 * Releases objects as the next revision of an application. A release of the same run and stage that was not ended is
 * taken up where it stands; one of another run whose runner is dead is superseded. When the signal is aborted the
 * released revision is applied again (unless rollback is never), Kubernetes finishes the way back, and the abort's
 * reason is thrown.
 * @throws ReleaseBusyError, LeaseLostError, ReleaseRecordError, ClusterError; InputError when another stage of the run
 * released the same application
 */
export function releaseObjects(
  request: ReleaseObjectsRequest,
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult> {
  return withSession(request, ports, options, async (session, held) => {
    const ended = endedBefore(session.record, request.by);
    if (ended !== undefined) return ended;
    if (isSameRelease(session.record, request.by)) await takeUp(session, held);
    else {
      assertOwnName(session.record, request);
      await begin(session, request, held);
    }
    return drive(session, held);
  });
}

/**
 * Releases the objects of an earlier revision again, as a new revision.
 * @throws InputError when there is no such revision
 */
export function rollbackRelease(
  request: ReleaseRequest & { to?: number },
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult> {
  return withSession(request, ports, options, async (session, held) => {
    const { current, stable } = session.record;
    // A release that goes on is what is to be taken back.
    if (request.to === undefined && current?.stable !== undefined) {
      await takeUp(session, held);
      await goBack(`taken back by ${request.by.who}`, session, { workloads: [] }, held);
      return drive(session, held);
    }
    const number = request.to ?? previousRevision(session.record);
    const target = session.record.history.find((entry) => entry.number === number);
    if (target === undefined || !isServable(target)) {
      const known = session.record.history.filter(isServable).map((entry) => entry.number);
      throw new InputError(
        number === undefined
          ? `${request.application} has no earlier revision to go back to`
          : `${request.application} has no revision ${String(number)} to go back to`,
        {
          hint:
            known.length === 0
              ? 'nothing was released yet'
              : `there are: ${known.join(', ')}; now serves ${String(stable)}`,
        },
      );
    }
    const objects = await session.store.loadRevision(target.number, held);
    await begin(session, { ...request, objects, rollbackOf: target.number }, held);
    return drive(session, held);
  });
}

/**
 * Goes on with a release whose runner died, or turns it back.
 * @returns undefined when none goes on
 */
export function reconcileRelease(
  request: ReleaseRequest & { direction: 'continue' | 'back' },
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult | undefined> {
  return withSession(request, ports, options, async (session, held) => {
    if (session.record.current === undefined) return undefined;
    await takeUp(session, held);
    if (request.direction === 'back') {
      await goBack(`taken back by ${request.by.who}`, session, { workloads: [] }, held);
    }
    return drive(session, held);
  });
}

/** Holds the lease around `work`, whose signal ends also when the lease is lost. */
async function withSession<T>(
  request: ReleaseRequest,
  ports: ReleasePorts,
  options: CallOptions,
  work: (session: ReleaseSession, held: CallOptions) => Promise<T>,
): Promise<T> {
  const { application, namespace, by } = request;
  const { cluster, clock, report } = ports;
  const holder = `run ${by.runId}, stage ${by.stage}, ${crypto.randomUUID().slice(0, 8)}`;
  const onWait = (other: string) =>
    report.progress('waiting', `${application} is being released by ${other}; waiting for it`, []);
  const lease = await acquireReleaseLease(
    { cluster, clock, namespace, application, holder, waitMs: request.lockTimeoutMs, onWait },
    options,
  );
  const store = new ReleaseStore(cluster, application, namespace);
  let session: ReleaseSession | undefined;
  const held = { signal: AbortSignal.any([options.signal, lease.lost]) };
  try {
    const stored = await store.loadOrCreate(held);
    session = new ReleaseSession(ports, { application, namespace, store, stored });
    return await work(session, held);
  } catch (error) {
    if (session !== undefined && options.signal.aborted && !lease.lost.aborted)
      await turnBack(session, lease.lost);
    throw error;
  } finally {
    await session?.close();
    // What came of the release stands; a lease that cannot be given back runs out by itself.
    await lease
      .release({ signal: AbortSignal.timeout(10_000) })
      .catch((error: unknown) =>
        report.notice('warning', `the lease of ${application} could not be given back: ${messageOf(error)}`),
      );
  }
}

/** After an abort: the released revision is applied again; the record stays open for whoever wants to see the end. */
async function turnBack(session: ReleaseSession, lost: AbortSignal): Promise<void> {
  const { current } = session.record;
  if (current?.stable === undefined || current.rollback === 'never') return;
  if (current.phase === 'restored' || current.phase === 'cleaned' || current.phase === 'restoring') return;
  const options = {
    signal: AbortSignal.any([lost, AbortSignal.timeout(turnBackMs)]),
    priority: 'urgent' as const,
  };
  await goBack('the release was cancelled', session, { workloads: [] }, options);
  await reconcile(session, options).catch((error: unknown) => {
    // Out of time while Kubernetes is replacing the pods: the released template is back, the rest is its own work.
    if (session.record.current?.phase !== 'restoring') throw error;
  });
}

async function drive(session: ReleaseSession, options: CallOptions): Promise<ReleaseResult> {
  try {
    return await reconcile(session, options);
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  }
}

/** The clock of the runner that died says nothing: the phase's time begins anew. */
async function takeUp(session: ReleaseSession, options: CallOptions): Promise<void> {
  const { clock, report } = session.ports;
  const { revision, phase } = session.current;
  await report.notice(
    'info',
    `taking up revision ${String(revision)} of ${session.application} where it stands: ${phase}`,
  );
  await session.saveCurrent({ phaseStartedAt: clock.now() }, options);
}

async function begin(
  session: ReleaseSession,
  request: ReleaseObjectsRequest & { rollbackOf?: number },
  options: CallOptions,
): Promise<void> {
  const { clock, cluster } = session.ports;
  let record = await superseded(session);
  if (record.stable === undefined && record.history.length === 0) {
    const adopted = await adoptable(request.objects, cluster, options);
    if (adopted.length > 0) {
      await session.store.saveRevision(1, adopted, { ...options, owner: session.owner });
      const by = { runId: '', pipeline: '', stage: '', attempt: 0, who: '' };
      record = {
        ...record,
        stable: 1,
        history: [
          entryOf({ number: 1, outcome: 'adopted', startedAt: clock.now() }, adopted, { ...request, by }),
        ],
      };
    }
  }
  const number = nextRevision(record);
  await session.store.saveRevision(number, request.objects, { ...options, owner: session.owner });
  const entry = entryOf({ number, outcome: 'unfinished', startedAt: clock.now() }, request.objects, request);
  const { strategy, timeoutMs, rollback, prune, force } = request;
  await session.save(
    {
      ...record,
      history: [
        ...record.history,
        request.rollbackOf === undefined ? entry : { ...entry, rollbackOf: request.rollbackOf },
      ],
      current: {
        revision: number,
        strategy,
        phase: 'applying',
        phaseStartedAt: clock.now(),
        timeoutMs,
        rollback,
        prune,
        force,
        generations: {},
        ...(record.stable === undefined ? {} : { stable: record.stable }),
      },
    },
    options,
  );
}

/** The record with a release closed whose runner died: a new version takes its place. */
async function superseded(session: ReleaseSession): Promise<ReleaseRecord> {
  const { record, ports } = session;
  if (record.current === undefined) return record;
  const { current, ...rest } = record;
  const old = revisionOf(record, current.revision);
  await ports.report.notice(
    'warning',
    `revision ${String(current.revision)} of ${session.application} (run ${old.runId}) was left ${current.phase}; the new revision takes its place`,
  );
  return withRevision(rest, current.revision, { outcome: 'superseded', finishedAt: ports.clock.now() });
}
