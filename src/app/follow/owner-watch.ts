import type { Leases } from '../../ports/leases.ts';
import { runLease, type RunRecord } from '../../ports/run-record.ts';

/** Watches who owns a run, for commands that follow it. */
export class OwnerWatch {
  readonly #leases: Pick<Leases, 'find'>;
  readonly #run: Pick<RunRecord, 'runId' | 'namespace'>;
  /** Empty without an owner; undefined before the first check. */
  #holder: string | undefined;

  constructor(leases: Pick<Leases, 'find'>, run: Pick<RunRecord, 'runId' | 'namespace'>) {
    this.#leases = leases;
    this.#run = run;
  }

  /** The run has no owner, or its owner has not renewed the lease for as long as it lasts. */
  get isAbandoned(): boolean {
    return this.#holder === '';
  }

  /**
   * Reads the run's lease.
   * @returns what has changed, one line; undefined when nothing has
   */
  async check(options: { signal: AbortSignal; takesOver: boolean }): Promise<string | undefined> {
    const lease = await this.#leases.find(runLease(this.#run), options);
    const holder = lease === undefined || lease.expired ? '' : lease.holder;
    const before = this.#holder;
    if (holder === before) return undefined;
    this.#holder = holder;
    if (holder === '') return abandonedText(before, this.#run.runId, options.takesOver);
    return before === undefined
      ? `owned by ${holder}; this command only watches, and Ctrl-C ends the watching alone`
      : `owned by ${holder} now`;
  }
}

function abandonedText(before: string | undefined, runId: string, takesOver: boolean): string {
  const abandoned =
    before === undefined || before === ''
      ? 'this run has no owner'
      : `${before}, the owner of this run, no longer renews its lease`;
  return takesOver
    ? `${abandoned}: resuming it here`
    : `${abandoned}: \`pipeline resume ${runId}\` resumes it`;
}
