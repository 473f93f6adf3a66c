import { defined } from '../base/defined.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import { InputError } from '../base/errors.ts';
import { LeaseLostError } from '../ports/leases.ts';
import { cancelledByCommand, runLease, type RunRecord, type StoredRun } from '../ports/run-record.ts';
import type { Connection } from './connection.ts';

/** What `pipeline runs` shows of one run. Times are milliseconds since 1970. */
export interface RunSummary {
  runId: string;
  pipeline: string;
  state: string;
  createdAt: number;
  durationMs?: number;
  /** The stages that run, or the one that decided the outcome. */
  stages: readonly string[];
  /** Who owns it: the holder of its lease; missing without one. */
  holder?: string;
}

/** The runs of a namespace, newest first. */
export async function listRuns(connection: Connection, signal: AbortSignal): Promise<RunSummary[]> {
  const { runs, leases, namespace } = connection;
  const stored = await runs.list(namespace, { signal });
  const newestFirst = stored.sort((a, b) => b.record.createdAt - a.record.createdAt);
  return Promise.all(
    newestFirst.map(async ({ record }) => {
      const lease = record.state === 'finished' ? undefined : await leases.find(runLease(record), { signal });
      return summaryOf(record, lease?.holder === '' ? undefined : lease?.holder);
    }),
  );
}

/** One run's record as a summary. Pure. */
export function summaryOf(record: RunRecord, holder: string | undefined): RunSummary {
  const running = Object.entries(record.stages).filter(([, stage]) => stage.state === 'running');
  const troubled = Object.entries(record.stages).filter(
    ([, { outcome }]) => outcome !== undefined && outcome !== 'succeeded' && outcome !== 'skipped',
  );
  return {
    runId: record.runId,
    pipeline: record.pipeline,
    state: record.state === 'finished' ? (record.outcome ?? 'finished') : record.state,
    createdAt: record.createdAt,
    stages: (record.state === 'finished' ? troubled : running).map(([name]) => name),
    ...(record.finishedAt === undefined ? {} : { durationMs: record.finishedAt - record.createdAt }),
    ...defined({ holder }),
  };
}

/** @throws InputError when there is no such run in the connection's namespace */
export async function loadRun(
  connection: Connection,
  runId: string,
  signal: AbortSignal,
): Promise<StoredRun> {
  const { runs, namespace } = connection;
  const stored = await runs.load({ runId: runId.toUpperCase(), namespace }, { signal });
  if (stored !== undefined) return stored;
  throw new InputError(`there is no run ${runId} in namespace ${namespace}`, {
    hint: '`pipeline runs` lists them; name another namespace by --namespace',
  });
}

/**
 * Asks a run to end: its runner stops the steps, runs the `finally` stages and cleans up. When no runner lives, the
 * next `resume` or `gc` does.
 * @returns false when the run has ended already
 */
export async function cancelRun(
  connection: Connection,
  runId: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    const stored = await loadRun(connection, runId, signal);
    if (stored.record.state === 'finished') return false;
    try {
      await connection.runs.update(
        stored,
        { ...stored.record, state: 'cancelling', stop: stored.record.stop ?? cancelledByCommand },
        { signal, priority: 'urgent' },
      );
      return true;
    } catch (error) {
      // Its runner wrote in between, or another one has resumed it, or it has ended: look again.
      if (!(error instanceof ConflictError || error instanceof LeaseLostError)) throw error;
    }
  }
}

/** What `pipeline gc` removed. */
export interface Collected {
  runs: string[];
  objects: string[];
}

/** What {@link collectGarbage} needs of a connection. */
export type CollectionPlace = Pick<Connection, 'runs' | 'namespace' | 'findOrphans'> & {
  cluster: Pick<Connection['cluster'], 'delete'>;
  agents: Pick<Connection['agents'], 'release'>;
};

/** What {@link collectGarbage} removes. Times in milliseconds. */
export interface GarbageOptions {
  /** Records of runs that finished longer ago are removed too, and with a record all that its run left. */
  olderThanMs: number;
  /** Leave unfinished runs alone: somebody may still resume them. */
  keepRuns: boolean;
  /** But remove those that nothing was written of for this long, and that have no owner. Default: none. */
  abandonedAfterMs?: number;
  /** Leave what finished runs left for this long: agents may have been kept for looking around. Default 0. */
  keepAgentsMs?: number;
  /** Waits before each removal; default none. */
  pause?: () => Promise<void>;
  signal: AbortSignal;
}

/**
 * Removes what has no owner: pods and Secrets of runs that have ended or have no record, and runs whose runner
 * died, with all that they own. Takes a little longer than a lease lasts when there is anything suspicious.
 */
export async function collectGarbage(place: CollectionPlace, options: GarbageOptions): Promise<Collected> {
  const { cluster, runs, namespace } = place;
  const { keepAgentsMs = 0 } = options;
  const pause = options.pause ?? (() => Promise.resolve());
  const call = { signal: options.signal };
  const collected: Collected = { runs: [], objects: [] };
  const now = Date.now();
  const remove = async (run: StoredRun): Promise<boolean> => {
    await pause();
    try {
      await runs.remove(run, call);
    } catch (error) {
      if (error instanceof ConflictError) return false; // a runner has resumed it meanwhile
      throw error;
    }
    collected.runs.push(run.record.runId);
    return true;
  };
  const kept = new Set<string>();
  for (const stored of await runs.list(namespace, call)) {
    const { record } = stored;
    if (record.state !== 'finished') continue;
    const agoMs = now - (record.finishedAt ?? record.createdAt);
    if (agoMs >= options.olderThanMs) await remove(stored);
    else if (agoMs < keepAgentsMs) kept.add(record.runId);
  }
  const orphans = await place.findOrphans(namespace, call);
  for (const orphan of orphans.runs) {
    if (mayBeResumed(orphan, options, now)) continue;
    if (await remove(orphan)) await place.agents.release(orphan.record, call);
  }
  for (const { run, ...object } of orphans.objects) {
    if (kept.has(run)) continue;
    await pause();
    if (await cluster.delete(object, call)) collected.objects.push(`${object.kind} ${object.name}`);
  }
  return collected;
}

/** Whether a run without an owner is to be left to those who may resume it. */
function mayBeResumed(
  run: StoredRun,
  { keepRuns, abandonedAfterMs = Number.POSITIVE_INFINITY }: GarbageOptions,
  now: number,
): boolean {
  return keepRuns && now - lastWrittenAt(run) < abandonedAfterMs;
}

/** When something of the run was written last, as far as its record says. Milliseconds since 1970 of its runner's clock. */
function lastWrittenAt({ record }: StoredRun): number {
  const { createdAt, writtenAt = createdAt } = record;
  const stages = Object.values(record.stages).map(({ startedAt = 0, finishedAt = 0 }) =>
    Math.max(startedAt, finishedAt),
  );
  return Math.max(createdAt, writtenAt, ...stages);
}
