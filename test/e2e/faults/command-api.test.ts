import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, type CommandBench } from '../../support/command-bench.ts';
import { startApiProxy, startTcpProxy, type ApiProxy, type TcpProxy } from '../../chaos/proxy/api-proxy.ts';
import { expectExit, type PipelineResult, type RunningPipeline } from '../../support/pipeline-command.ts';

jest.setTimeout(400_000);

let bench: CommandBench;
let faulty: ApiProxy;
let shortWatches: ApiProxy;
let cut: TcpProxy;
/** The runs go on side by side, since they mostly wait; each test looks at its own. */
let begun: { faulty: RunningPipeline; shortWatches: RunningPipeline; cut: RunningPipeline };
/** Enough stages that their writes of the record meet every kind of fault. */
const faultyStages = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
const fates = { fail: 0, stall: 0, pass: 0 };
let cuts = 0;

beforeAll(async () => {
  bench = await makeCommandBench('api');
  const { kubeconfig } = bench.namespaces;
  [faulty, shortWatches, cut] = await Promise.all([
    startApiProxy(kubeconfig),
    startApiProxy(kubeconfig),
    startTcpProxy(kubeconfig),
  ]);
  // 5 % and 1 %, at places that a run of this size meets.
  let count = 0;
  faulty.http.fate = () => {
    count += 1;
    const fate = count % 20 === 5 ? 'fail' : count % 100 === 17 ? 'stall' : 'pass';
    fates[fate] += 1;
    return fate;
  };
  shortWatches.http.watchMs = 2000;
  let since = 0;
  cut.tcp.onData = (bytes) => {
    since += bytes;
    if (since < 150_000) return;
    since = 0;
    cuts += 1;
    cut.tcp.cut();
  };
  begun = {
    faulty: await bench.begin(
      faultyStages.map((name) => ({ name, run: lines(5, 0.2) })),
      { kubeconfig: faulty.kubeconfig },
    ),
    shortWatches: await bench.begin([{ name: 'slow', run: lines(10, 1) }], {
      kubeconfig: shortWatches.kubeconfig,
    }),
    cut: await bench.begin([{ name: 'count', run: lines(100_000) }], {
      kubeconfig: cut.kubeconfig,
      args: ['--output', 'plain'],
    }),
  };
});
afterAll(async () => {
  await bench.remove();
  await Promise.all([faulty.close(), shortWatches.close(), cut.close()]);
});

/** A script that prints numbered lines, with a pause after each. */
function lines(count: number, pauseSeconds = 0): string {
  const pause = pauseSeconds === 0 ? '' : `sleep ${String(pauseSeconds)};`;
  return `i=0; while [ "$i" -lt ${String(count)} ]; do i=$((i+1)); echo "line $i"; ${pause} done`;
}

/** The run succeeded, and shows every line of its stages once and in order. */
function expectEveryLineOnce(result: PipelineResult, stages: readonly string[], count: number): void {
  expectExit(result, 0);
  for (const stage of stages) {
    const shown = result.stdout.split('\n').filter((line) => line.startsWith(`[${stage}] line `));
    const expected = Array.from({ length: count }, (_, index) => `[${stage}] line ${String(index + 1)}`);
    expect(shown.length).toBe(count);
    expect(shown.join('\n') === expected.join('\n')).toBe(true); // 100,000 lines make no readable difference
  }
}

describe('a run whose API server', () => {
  it('answers 500 to 5 % and stalls 1 % of its requests succeeds, and shows every line once', async () => {
    const result = await begun.faulty.result;

    expectEveryLineOnce(result, faultyStages, 5);
    expect(fates.fail).toBeGreaterThanOrEqual(2);
    expect(fates.stall).toBeGreaterThanOrEqual(1);
  });

  it('ends every watch after two seconds succeeds, and asks less than twice a second for it', async () => {
    const result = await begun.shortWatches.result;

    expectEveryLineOnce(result, ['slow'], 10);
    const watches = shortWatches.http.seen.filter((request) => request.includes('watch=true'));
    expect(watches.length).toBeGreaterThan(3);
    expect(shortWatches.http.seen.length).toBeLessThan(20 + (2 * result.durationMs) / 1000);
  });

  it('loses every connection again and again shows each of 100,000 lines exactly once', async () => {
    const result = await begun.cut.result;

    cut.tcp.onData = undefined;
    expect(cuts).toBeGreaterThan(3);
    expectEveryLineOnce(result, ['count'], 100_000);
  });

  it('was faulty leaves nothing behind all the same', async () => {
    await Promise.all(Object.values(begun).map(({ result }) => result));

    await bench.expectNothingLeft();
  });
});
