import { SlipwayError } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import { ConflictError, NotFoundError, UnreachableError } from '../ports/cluster-errors.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { LeaseLostError, type Lease } from '../ports/run-record.ts';
import { recordName } from './release-record.ts';

interface LeaseObject extends KubernetesObject {
  spec?: { holderIdentity?: string; leaseDurationSeconds?: number; renewTime?: string; acquireTime?: string };
}

/** Another run releases the application now. */
export class ReleaseBusyError extends SlipwayError {
  readonly code = 'release-busy';
  readonly fault = 'failure';
}

/** Seconds without a renewal after which a holder counts as dead. */
const leaseSeconds = 15;

/** What is needed to hold an application's lease. */
export interface LeaseRequest {
  cluster: Cluster;
  clock: Clock;
  namespace: string;
  application: string;
  /** Unique to this runner, and readable: `run 01J…, stage deploy, ab12cd`. */
  holder: string;
  /** Milliseconds to wait for another holder; 0: no longer than it takes to see that it lives. */
  waitMs: number;
  /** Told once for each other holder that is waited for. */
  onWait: (holder: string) => Promise<void>;
}

/**
 * Takes the Lease of an application, so that no two runs release it at once. Whether a holder is alive is seen by its
 * renewals, never by comparing its clock with ours: a Lease whose resourceVersion has not changed for its whole
 * duration is taken over, guarded by that resourceVersion.
 * @throws ReleaseBusyError when another holder keeps it for longer than `waitMs`
 */
export async function acquireReleaseLease(request: LeaseRequest, options: CallOptions): Promise<Lease> {
  const { cluster, clock, holder } = request;
  const begun = clock.now();
  const seen: Seen = { version: '', holder: '', since: begun, alive: false };
  for (;;) {
    const found = await cluster.get<LeaseObject>(leaseReference(request), options);
    const other = found?.spec?.holderIdentity ?? '';
    if (look(seen, found, clock.now()) && other !== '' && other !== holder) await request.onWait(other);
    const isFree = other === '' || other === holder;
    if (isFree || clock.now() - seen.since >= durationMs(found)) {
      const taken = await write(request, found, options);
      if (taken !== undefined) return hold(request, taken);
    }
    if (seen.alive && clock.now() - begun >= request.waitMs) {
      throw new ReleaseBusyError(
        `${request.application} in namespace ${request.namespace} is being released by ${other}`,
        { hint: 'wait for it to end, or raise lockTimeout' },
      );
    }
    await clock.sleep(1000, options);
  }
}

function durationMs(lease: LeaseObject | undefined): number {
  return (lease?.spec?.leaseDurationSeconds ?? leaseSeconds) * 1000;
}

/** What is known of the Lease from looking at it again and again. */
interface Seen {
  version: string;
  holder: string;
  /** When its version was seen first, by our clock. */
  since: number;
  /** A renewal was seen: somebody is there. Before that the holder may be dead, which only time tells. */
  alive: boolean;
}

/** Notes what is there now; true when there is another holder than before. */
function look(seen: Seen, found: LeaseObject | undefined, now: number): boolean {
  const version = found?.metadata.resourceVersion ?? '';
  if (version === seen.version) return false;
  const holder = found?.spec?.holderIdentity ?? '';
  const isNew = holder !== seen.holder;
  seen.alive = seen.version !== '' && holder !== '';
  seen.version = version;
  seen.holder = holder;
  seen.since = now;
  return isNew;
}

/** Who holds an application's lease; undefined when nobody does. Says nothing of whether the holder is alive. */
export async function leaseHolder(
  cluster: Cluster,
  application: { name: string; namespace: string },
  options: CallOptions,
): Promise<string | undefined> {
  const request = { namespace: application.namespace, application: application.name };
  const found = await cluster.get<LeaseObject>(leaseReference(request), options);
  const holder = found?.spec?.holderIdentity;
  return holder === '' ? undefined : holder;
}

function leaseReference({ namespace, application }: { namespace: string; application: string }) {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    name: recordName(application),
    namespace,
  };
}

/** undefined: somebody else was faster. */
async function write(
  request: LeaseRequest,
  previous: LeaseObject | undefined,
  options: CallOptions & { holder?: string },
): Promise<LeaseObject | undefined> {
  const time = `${new Date(request.clock.now()).toISOString().slice(0, -1)}000Z`;
  const { apiVersion, kind, name, namespace } = leaseReference(request);
  const object: LeaseObject = {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'slipway', 'slipway.dev/release': request.application },
      ...(previous?.metadata.resourceVersion === undefined
        ? {}
        : { resourceVersion: previous.metadata.resourceVersion }),
    },
    spec: {
      holderIdentity: options.holder ?? request.holder,
      leaseDurationSeconds: leaseSeconds,
      renewTime: time,
      acquireTime: previous?.spec?.acquireTime ?? time,
    },
  };
  const call = { signal: options.signal, priority: 'urgent' as const };
  try {
    return previous === undefined
      ? await request.cluster.create(object, call)
      : await request.cluster.replace(object, call);
  } catch (error) {
    if (error instanceof ConflictError || error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** Renews until released; `lost` is aborted when a renewal finds another holder. */
function hold(request: LeaseRequest, taken: LeaseObject): Lease {
  const lost = new AbortController();
  const stop = new AbortController();
  let current = taken;
  const renewing = renew(request, {
    current: () => current,
    renewed: (lease) => {
      current = lease;
    },
    lost,
    signal: stop.signal,
  });
  return {
    lost: lost.signal,
    release: async (options) => {
      stop.abort();
      await renewing;
      if (!lost.signal.aborted) await write(request, current, { ...options, holder: '' });
    },
  };
}

interface Renewal {
  current(): LeaseObject;
  renewed(lease: LeaseObject): void;
  lost: AbortController;
  signal: AbortSignal;
}

/**
 * An API that does not answer loses no lease: this runner can do nothing then either, and if somebody else has taken the
 * lease over meanwhile, the next renewal sees it, and so does the next write of the record.
 */
async function renew(request: LeaseRequest, renewal: Renewal): Promise<void> {
  const { clock, application } = request;
  while (!renewal.signal.aborted) {
    try {
      await clock.sleep((leaseSeconds * 1000) / 3, { signal: renewal.signal });
      const other = await renewOnce(request, renewal);
      if (other === undefined) continue;
      renewal.lost.abort(new LeaseLostError(`the lease of ${application} is now held by ${other}`));
      return;
    } catch (error) {
      if (isAborted(renewal.signal)) return;
      if (error instanceof UnreachableError) continue;
      const cause = { cause: error };
      renewal.lost.abort(new LeaseLostError(`the lease of ${application} could not be renewed`, cause));
      return;
    }
  }
}

/** Writes the lease anew; the other holder when there is one. */
async function renewOnce(request: LeaseRequest, renewal: Renewal): Promise<string | undefined> {
  for (;;) {
    const written = await write(request, renewal.current(), renewal);
    if (written !== undefined) {
      renewal.renewed(written);
      return undefined;
    }
    // Somebody wrote it: another holder, or we ourselves, when the answer to our last write was lost.
    const now = await request.cluster.get<LeaseObject>(leaseReference(request), renewal);
    const holder = now?.spec?.holderIdentity;
    if (now === undefined || holder !== request.holder) return holder ?? 'nobody';
    renewal.renewed(now);
  }
}

/** Asked after an await, where the compiler still believes what was asked before it. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
