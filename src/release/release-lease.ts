import { SlipwayError } from '../base/errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { LeaseHeldError, type Lease, type Leases } from '../ports/leases.ts';
import { recordName } from './record/release-record.ts';

/** Another run releases the application now. */
export class ReleaseBusyError extends SlipwayError {
  readonly code = 'release-busy';
  readonly fault = 'failure';
}

/** What is needed to hold an application's lease. */
export interface ReleaseLeaseRequest {
  leases: Leases;
  namespace: string;
  application: string;
  /** Unique to this runner, and readable; see {@link releaseHolder}. */
  holder: string;
  /** See LeaseRequest. */
  isReplaced?: (holder: string) => boolean;
  /** Milliseconds to wait for another holder; 0: no longer than it takes to see that it lives. */
  waitMs: number;
  /** Called once for each other holder that is waited for. */
  onWait: (holder: string) => Promise<void>;
}

/**
 * Takes the Lease of an application, so that no two runs release it at once.
 * @throws ReleaseBusyError when another holder keeps it for longer than `waitMs`
 */
export async function acquireReleaseLease(
  request: ReleaseLeaseRequest,
  options: CallOptions,
): Promise<Lease> {
  const { leases, namespace, application, ...held } = request;
  const reference = releaseLease({ name: application, namespace });
  const labels = { 'slipway.dev/release': application };
  try {
    return await leases.acquire(
      { ...reference, ...held, labels, subject: `the release of ${application}` },
      options,
    );
  } catch (error) {
    if (!(error instanceof LeaseHeldError)) throw error;
    throw new ReleaseBusyError(
      `${application} in namespace ${namespace} is being released by ${error.holder}`,
      { hint: 'wait for it to end, or raise lockTimeout', cause: error },
    );
  }
}

/** Who holds the lease of a release: `run 01J…, runner 2, stage deploy, ab12cd34`, unique to this process and stage. */
export function releaseHolder({ runId, stage }: { runId: string; stage: string }, fence?: number): string {
  const runner = fence === undefined ? '' : `, runner ${String(fence)}`;
  return `run ${runId}${runner}, stage ${stage}, ${crypto.randomUUID().slice(0, 8)}`;
}

/** Whether a holder is a runner of the same run from which the runner of this fence has resumed it. */
export function isReplacedHolder(
  holder: string,
  { runId, fence }: { runId: string; fence: number },
): boolean {
  const [, heldBy, number] = /^run (\S+), runner (\d+), /.exec(holder) ?? [];
  return heldBy === runId && Number(number) < fence;
}

/** Which lease an application has. */
export function releaseLease(application: { name: string; namespace: string }) {
  return { name: recordName(application.name), namespace: application.namespace };
}
