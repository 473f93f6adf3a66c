import { defined } from '../base/defined.ts';
import { messageOf } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { LeaseLostError, type Lease } from '../ports/leases.ts';
import { fencedCluster } from './fenced-cluster.ts';
import { PatientCluster, untilAnswered } from './patient-cluster.ts';
import { reconcile, rollBack } from './reconcile.ts';
import { ReleaseStore, type StoredRecord } from './record/release-store.ts';
import type { ReleaseOrigin } from './record/revision-entry.ts';
import { acquireReleaseLease, isReplacedHolder, releaseHolder } from './release-lease.ts';
import { ReleaseSession, type ReleasePorts } from './session.ts';

/** Who asks for what of which application. */
export interface ReleaseRequest {
  application: string;
  /** Where the release's record is kept; it must exist. */
  namespace: string;
  /** Milliseconds to wait while another run releases the application. */
  lockTimeoutMs: number;
  by: ReleaseOrigin;
  /** The runner's hold on its run; missing: it is released by hand. A release of its run's earlier runners is its own. */
  owner?: ReleaseOwner;
}

/** That this runner owns the run that releases. */
export interface ReleaseOwner {
  /** Higher with each runner that resumes the run. */
  readonly fence: number;
  /** @throws LeaseLostError when another runner owns the run */
  confirm(options: CallOptions): Promise<void>;
}

/** Milliseconds that an aborted release takes to roll back: one round of applying. */
const abortMs = 20_000;

/** Milliseconds that an answer about a lease is good for while another is asked. */
const freshMs = 1000;

/** Calls while the lease of an application is held. */
interface HeldOptions extends CallOptions {
  /** Aborted when the lease is lost; `signal` is then, too. */
  leaseLost: AbortSignal;
}

/** Holds the lease of the application around `work`, whose signal ends also when the lease is lost. */
export async function withSession<T>(
  request: ReleaseRequest,
  ports: ReleasePorts,
  options: CallOptions,
  work: (session: ReleaseSession, held: HeldOptions) => Promise<T>,
): Promise<T> {
  const { application, namespace, by, owner } = request;
  const { clock, leases, report } = ports;
  const onWait = (error: Error) =>
    report.notice('warning', `the cluster does not answer, trying again: ${error.message}`);
  const patience = { clock, onWait };
  const holder = releaseHolder(by, owner?.fence);
  const onHeld = (other: string) =>
    report.progress('waiting', `${application} is being released by ${other}; waiting for it`, []);
  const lease = await untilAnswered(
    () =>
      acquireReleaseLease(
        {
          ...{ leases, namespace, application, holder, onWait: onHeld, waitMs: request.lockTimeoutMs },
          isReplaced: (other) =>
            owner !== undefined && isReplacedHolder(other, { runId: by.runId, fence: owner.fence }),
        },
        options,
      ),
    patience,
    options,
  );
  const fence = {
    confirm: (call: CallOptions) => confirmBoth({ lease, clock, ...defined({ owner }) }, call),
  };
  const cluster = new PatientCluster(fencedCluster(ports.cluster, fence), patience);
  const store = new ReleaseStore(cluster, application, namespace);
  let session: ReleaseSession | undefined;
  const { leaseLost } = lease;
  const held = { signal: AbortSignal.any([options.signal, leaseLost]), leaseLost };
  try {
    const stored = await loadOwned(store, { lease, clock, report, application }, held);
    session = new ReleaseSession({ ...ports, cluster }, { application, namespace, holder, store, stored });
    return await work(session, held);
  } finally {
    await session?.close();
    // What came of the release stands; a lease that cannot be released expires by itself.
    await lease
      .release({ signal: AbortSignal.timeout(10_000) })
      .catch((error: unknown) =>
        report.notice('warning', `the lease of ${application} could not be released: ${messageOf(error)}`),
      );
  }
}

/** A runner that lost its run has lost the release too, though its own lease of it may look fresh. */
async function confirmBoth(
  { lease, owner, clock }: { lease: Lease; owner?: ReleaseOwner; clock: Clock },
  options: CallOptions,
): Promise<void> {
  for (;;) {
    const begunMs = clock.monotonicMs();
    // At once, so that slow renewals do not outlast each other; what took a while may have outlasted the first answer.
    await Promise.all([owner?.confirm(options), lease.confirm(options)]);
    if (clock.monotonicMs() - begunMs < freshMs) return;
  }
}

/** The record, when no other runner can still act on a lease of the release that somebody has deleted. */
async function loadOwned(
  store: ReleaseStore,
  {
    lease,
    clock,
    report,
    application,
  }: Pick<ReleasePorts, 'clock' | 'report'> & { lease: Lease; application: string },
  options: CallOptions,
): Promise<StoredRecord> {
  const stored = await store.loadOrCreate(options);
  if (!lease.isNew || stored.record.current === undefined) return stored;
  const message = `the lease of ${application} was deleted in the middle of a release; waiting for its runner to notice`;
  await report.progress('waiting', message, []);
  // Also when it is cancelled meanwhile: the lease that it gives back is another's at once.
  await clock.sleep(lease.durationMs, { signal: lease.leaseLost });
  return store.loadOrCreate(options);
}

/** {@link withSession} for what releases: when it is aborted, the release is rolled back before the lease is given back. */
export function withRelease<T>(
  request: ReleaseRequest,
  ports: ReleasePorts,
  options: CallOptions,
  work: (session: ReleaseSession, held: CallOptions) => Promise<T>,
): Promise<T> {
  return withSession(request, ports, options, async (session, { signal, leaseLost }) => {
    try {
      return await work(session, { signal });
    } catch (error) {
      // A run that another runner has resumed is not cancelled: its release is that runner's to end.
      const isCancelled = options.signal.aborted && !(options.signal.reason instanceof LeaseLostError);
      if (isCancelled && !leaseLost.aborted) await rollBackAborted(session, leaseLost);
      throw error;
    }
  });
}

/**
 * After an abort: the released revision is applied again; the record stays open for a runner that waits for the end.
 * Ends when it is done, after 20 s, or by `signal`.
 */
export async function rollBackAborted(session: ReleaseSession, signal: AbortSignal): Promise<void> {
  const options = {
    signal: AbortSignal.any([signal, AbortSignal.timeout(abortMs)]),
    priority: 'urgent' as const,
  };
  await session.reload(options);
  const { current } = session.record;
  if (current === undefined) return;
  const isUnchanged = session.strategy.isUnchanged?.(session.state) === true;
  const mayGoBack = current.stable !== undefined && session.settings.rollback !== 'never';
  if (!mayGoBack && !isUnchanged) return;
  if (session.strategy.finishesAlone(session.state)) return;
  await rollBack('the release was cancelled', session, options);
  await reconcile(session, options).catch((error: unknown) => {
    // Out of time while Kubernetes is replacing the pods: the released template is back, the rest is its own work.
    if (!session.strategy.finishesAlone(session.state)) throw error;
  });
}
