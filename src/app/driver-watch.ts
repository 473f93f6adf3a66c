import type { RunRecord, RunStore } from '../ports/run-record.ts';

/** Watches who drives a run, for those who look on. */
export class DriverWatch {
  readonly #runs: Pick<RunStore, 'leaseOf'>;
  readonly #run: Pick<RunRecord, 'runId' | 'namespace'>;
  /** Empty when nobody does; undefined before the first look. */
  #holder: string | undefined;

  constructor(runs: Pick<RunStore, 'leaseOf'>, run: Pick<RunRecord, 'runId' | 'namespace'>) {
    this.#runs = runs;
    this.#run = run;
  }

  /** Nobody drives the run, or its driver has not been heard of for as long as a lease lasts. */
  get isGone(): boolean {
    return this.#holder === '';
  }

  /**
   * Looks at the run's lease.
   * @returns what has changed, one line; undefined when nothing has
   */
  async look(options: { signal: AbortSignal; takesOver: boolean }): Promise<string | undefined> {
    const lease = await this.#runs.leaseOf(this.#run, options);
    const holder = lease === undefined || lease.expired ? '' : lease.holder;
    const before = this.#holder;
    if (holder === before) return undefined;
    this.#holder = holder;
    if (holder === '') return goneText(before, this.#run.runId, options.takesOver);
    return before === undefined
      ? `driven by ${holder}; this only looks on, and Ctrl-C ends the looking on alone`
      : `driven by ${holder} now`;
  }
}

function goneText(before: string | undefined, runId: string, takesOver: boolean): string {
  const gone =
    before === undefined || before === ''
      ? 'nobody drives this run'
      : `${before}, which drove this run, gives no sign of life any more`;
  return takesOver ? `${gone}: it is taken over` : `${gone}: \`pipeline resume ${runId}\` goes on with it`;
}
