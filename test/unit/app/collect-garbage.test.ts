import { describe, expect, it } from '@jest/globals';
import type { OrphanObject } from '../../../src/adapters/kubernetes/record/orphans.ts';
import { collectInBackground } from '../../../src/app/background-collection.ts';
import { collectGarbage, type CollectionPlace, type GarbageOptions } from '../../../src/app/runs.ts';
import { silentLogger, type LogFields } from '../../../src/base/logger.ts';
import type { RunRecord } from '../../../src/ports/run-record.ts';
import { MemoryRunStore } from '../../fakes/memory-run-store.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const { signal } = new AbortController();

/** A run that nobody has ended, and of which nothing was written for so long. */
function unfinished(runId: string, writtenAgoMs: number, more: Partial<RunRecord> = {}): RunRecord {
  const createdAt = Date.now() - 30 * dayMs;
  return { ...record(runId, 'running'), createdAt, writtenAt: Date.now() - writtenAgoMs, ...more };
}

function record(runId: string, state: RunRecord['state'], finishedAgoMs = 0): RunRecord {
  const now = Date.now();
  return {
    formatVersion: 2,
    fence: 1,
    runId,
    pipeline: 'shop',
    namespace: 'ci',
    createdAt: now - finishedAgoMs - 60_000,
    state,
    ...(state === 'finished' ? { outcome: 'succeeded', finishedAt: now - finishedAgoMs } : {}),
    source: { file: 'app.yaml', text: '' },
    parameters: {},
    trigger: {},
    agents: {},
    git: {},
    stages: {},
  };
}

function pod(run: string): OrphanObject {
  return { apiVersion: 'v1', kind: 'Pod', namespace: 'ci', name: `shop-${run.toLowerCase()}`, run };
}

/** A namespace with these runs and orphans, and what was removed of it. */
async function place(records: readonly RunRecord[], objects: readonly OrphanObject[] = []) {
  const runs = new MemoryRunStore();
  for (const each of records) await runs.create(each, { signal });
  const removed: string[] = [];
  const released: string[] = [];
  const stored = await runs.list('ci', { signal });
  const parts: CollectionPlace = {
    runs,
    namespace: 'ci',
    findOrphans: () =>
      Promise.resolve({
        runs: stored.filter(({ record: { state } }) => state !== 'finished'),
        objects: [...objects],
      }),
    cluster: { delete: ({ name }) => Promise.resolve(removed.push(name) > 0) },
    agents: { release: ({ runId }) => Promise.resolve(void released.push(runId)) },
  };
  const left = async () => (await runs.list('ci', { signal })).map((run) => run.record.runId);
  return { parts, removed, released, left };
}

describe('the collection of garbage', () => {
  it('removes records that are old enough, and runs without an owner with their agents', async () => {
    const { parts, released, left } = await place([
      record('OLD', 'finished', 8 * dayMs),
      record('NEW', 'finished', dayMs),
      record('DEAD', 'running'),
    ]);

    const collected = await collectGarbage(parts, { olderThanMs: 7 * dayMs, keepRuns: false, signal });

    expect(await left()).toEqual(['NEW']);
    expect(released).toEqual(['DEAD']);
    expect(collected.runs).toEqual(['OLD', 'DEAD']);
  });

  it('leaves a run that was resumed since it was found, and its agents', async () => {
    const { parts, released, left } = await place([record('DEAD', 'running')]);
    const resume = async () => {
      const stored = await parts.runs.load({ runId: 'DEAD', namespace: 'ci' }, { signal });
      await parts.runs.update(stored!, { ...stored!.record, fence: 2 }, { signal });
    };

    const collected = await collectGarbage(parts, { olderThanMs: 0, keepRuns: false, pause: resume, signal });

    expect(await left()).toEqual(['DEAD']);
    expect(released).toEqual([]);
    expect(collected.runs).toEqual([]);
  });

  it('leaves runs that could be resumed, when asked to', async () => {
    const { parts, released, left } = await place([record('DEAD', 'running')]);

    await collectGarbage(parts, { olderThanMs: 0, keepRuns: true, signal });

    expect(await left()).toEqual(['DEAD']);
    expect(released).toEqual([]);
  });

  it('removes runs without an owner of which nothing was written for long, though others may be resumed', async () => {
    const lately = { state: 'running', attempt: 1, outputs: {}, environment: {}, offsets: {} } as const;
    const { writtenAt: _unknown, ...old } = unfinished('OLDFORMAT', 0);
    const { parts, released, left } = await place([
      unfinished('WEEK', 7 * dayMs + hourMs),
      unfinished('CANCELLED', 7 * dayMs + hourMs, { state: 'cancelling' }),
      unfinished('SIXDAYS', 6 * dayMs),
      { ...old, stages: { build: { ...lately, startedAt: Date.now() - dayMs } } },
    ]);

    const collected = await collectGarbage(parts, {
      olderThanMs: 7 * dayMs,
      keepRuns: true,
      abandonedAfterMs: 7 * dayMs,
      signal,
    });

    expect(await left()).toEqual(['SIXDAYS', 'OLDFORMAT']);
    expect(released).toEqual(['WEEK', 'CANCELLED']);
    expect(collected.runs).toEqual(['WEEK', 'CANCELLED']);
  });

  it('leaves a run that has an owner, however long nothing was written of it', async () => {
    const { parts, left } = await place([unfinished('SILENT', 20 * dayMs)]);
    const owned = { ...parts, findOrphans: () => Promise.resolve({ runs: [], objects: [] }) };

    await collectGarbage(owned, { olderThanMs: 0, keepRuns: true, abandonedAfterMs: dayMs, signal });

    expect(await left()).toEqual(['SILENT']);
  });

  it('leaves agents of runs that ended lately, when asked to', async () => {
    const { parts, removed } = await place(
      [record('LATELY', 'finished', hourMs), record('YESTERDAY', 'finished', 2 * dayMs)],
      [pod('LATELY'), pod('YESTERDAY'), pod('UNKNOWN')],
    );

    await collectGarbage(parts, { olderThanMs: 7 * dayMs, keepRuns: true, keepAgentsMs: dayMs, signal });

    expect(removed).toEqual(['shop-yesterday', 'shop-unknown']);
  });
});

describe('the collection beside a run', () => {
  const lines = (): { lines: string[]; debug: (message: string, fields?: LogFields) => void } => {
    const said: string[] = [];
    return {
      lines: said,
      debug: (message, fields) => void said.push(`${message}: ${String(fields?.['error'])}`),
    };
  };

  it('keeps what may be resumed, and goes slowly', async () => {
    const clock = new VirtualClock();
    const startedAt = clock.now();
    const { parts } = await place([]);
    let asked: GarbageOptions | undefined;
    const begun = new Promise<void>((resolve) => {
      const collect = async (_place: CollectionPlace, options: GarbageOptions) => {
        asked = options;
        await options.pause?.();
        resolve();
      };
      collectInBackground({ place: parts, logger: silentLogger, clock, collect });
    });

    await begun;

    expect(asked).toMatchObject({ keepRuns: true, abandonedAfterMs: 7 * dayMs, olderThanMs: 7 * dayMs });
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(7000);
  });

  it('says its failure to the debug log alone', async () => {
    const { parts } = await place([]);
    const { lines: said, debug } = lines();
    let stop = () => Promise.resolve();
    await new Promise<void>((resolve) => {
      const collect = () => {
        setImmediate(resolve);
        return Promise.reject(new Error('forbidden'));
      };
      stop = collectInBackground({
        place: parts,
        logger: { ...silentLogger, debug },
        clock: new VirtualClock(),
        collect,
      });
    });

    await stop();

    expect(said).toEqual(['old runs were not collected: forbidden']);
  });

  it('ends with the run, without a word', async () => {
    const { parts } = await place([]);
    const { lines: said, debug } = lines();
    let stop = () => Promise.resolve();
    await new Promise<void>((resolve) => {
      const collect = (_place: CollectionPlace, options: GarbageOptions) =>
        new Promise((_resolve, reject) => {
          options.signal.addEventListener('abort', () => reject(options.signal.reason as Error));
          resolve();
        });
      stop = collectInBackground({
        place: parts,
        logger: { ...silentLogger, debug },
        clock: new VirtualClock(),
        collect,
      });
    });

    await stop();

    expect(said).toEqual([]);
  });
});
