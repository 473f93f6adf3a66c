import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, type CommandBench } from '../../support/command-bench.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(400_000);

/** How long the reader stops reading once the step has ended; more than the silence that ends a follow (20 s). */
const pauseMs = 22_000;
const lineCount = 200_000;
const lineBytes = 1000;
/** What the runner may use beyond what it uses at rest: far below the 200 MB that pass through it. */
const moreMemoryMiB = 150;
let bench: CommandBench;

beforeAll(async () => {
  bench = await makeCommandBench('output');
});
afterEach(() => bench.expectNothingLeft());
afterAll(() => bench.remove());

/** The most memory that a process has used so far (VmHWM), in MiB; undefined when it has ended. */
async function peakMemoryMiB(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => '');
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
}

describe('a reader of the output that stops reading', () => {
  it('slows no step, costs no memory, and loses nothing of 200 MB', async () => {
    const text = 'x'.repeat(lineBytes - '000000 \n'.length);
    const script = [
      'echo begun',
      `yes "${text}" | head -n ${String(lineCount)} | awk '{ printf "%06d %s\\n", NR, $0 }'`,
      'touch written',
    ].join('\n');
    const running = await bench.begin([{ name: 'loud', run: script }], { stdout: 'leave' });
    const { stdout, pid = 0 } = running.child;
    let rest = Buffer.alloc(0);
    let read = 0;
    let next = 1;
    let runId = '';
    let wrong: string | undefined;
    const take = (line: string): void => {
      runId ||= /run ([0-9A-Z]{26}) of/.exec(line)?.[1] ?? '';
      const number = /^\[loud\] (\d{6}) x+$/.exec(line)?.[1];
      if (number === undefined) return;
      if (Number(number) !== next) wrong ??= `${line.slice(0, 20)} where ${String(next)} was due`;
      next += 1;
    };
    stdout!.on('data', (chunk: Buffer) => {
      read += chunk.length;
      rest = Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        take(rest.subarray(0, end).toString('latin1'));
        rest = rest.subarray(end + 1);
      }
    });
    await waitFor('the step to print', async () => (next > 10 ? true : undefined));
    const before = (await peakMemoryMiB(pid)) ?? 0;

    stdout!.pause();
    const readBefore = read;
    await bench.inPod(runId, 'test -e /workspace/written');
    await sleep(pauseMs); // the reader's pause is the fault itself
    expect(read).toBe(readBefore);
    stdout!.resume();

    let peak = before;
    await waitFor(
      'the run to end',
      async () => {
        peak = Math.max(peak, (await peakMemoryMiB(pid)) ?? 0);
        return running.child.exitCode === null ? undefined : true;
      },
      { timeoutMs: 240_000 },
    );
    const result = await running.result;
    console.log(`memory of the runner: ${before.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB at most`);
    expect(wrong).toBeUndefined();
    expect(next - 1).toBe(lineCount);
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toBe('');
    expect(peak - before).toBeLessThan(moreMemoryMiB);
  });
});
