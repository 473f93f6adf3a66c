import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, runIdOf, type CommandBench } from '../../support/command-bench.ts';
import { expectExit } from '../../support/pipeline-command.ts';

jest.setTimeout(400_000);

let bench: CommandBench;

beforeAll(async () => {
  bench = await makeCommandBench('script');
});
afterEach(() => bench.expectNothingLeft());
afterAll(() => bench.remove());

/** A whole log as it was written. */
const logOf = (folder: string, stage: string): Promise<Buffer> =>
  readFile(join(bench.folder.path, folder, `${stage}.log`));

describe('a script', () => {
  it('that exits with 137 has failed: exit code 1, and nobody speaks of memory', async () => {
    const result = await bench.run([{ name: 'odd', run: 'echo before; exit 137' }]);

    expectExit(result, 1);
    expect(result.stdout).toMatch(/\[odd\] == failed in .*: exit code 137 \(SIGKILL\)\n/);
    expect(result.stdout + result.stderr).not.toMatch(/memory|killed|OOM/i);
  });

  it('that ignores TERM is killed after its grace time, with all that it started', async () => {
    const stubborn = 'trap "" TERM; (while :; do sleep 0.5; done) & echo begun; while :; do sleep 0.5; done';
    const running = await bench.begin([{ name: 'stubborn', run: stubborn }], {
      document: {
        finally: [{ name: 'look', run: 'ps 2>/dev/null | grep "[s]leep 0.5" || echo "nothing goes on"' }],
      },
    });
    const id = await runIdOf(running);
    await running.output(/\[stubborn\] begun/);
    const startedAt = performance.now();

    expectExit(await bench.command('cancel', id), 0);

    const result = await running.result;
    expectExit(result, 4);
    expect(result.stdout).toMatch(/\[stubborn\] == cancelled in /);
    expect(result.stdout).toContain('[look] nothing goes on\n');
    expect(performance.now() - startedAt).toBeLessThan(60_000);
  });
});

describe('output that is no text of short lines', () => {
  it('is kept byte for byte by --log-dir, and shown as lines that a log can bear', async () => {
    const long = 20 * 1024 * 1024;
    const result = await bench.run(
      [
        { name: 'long', run: `head -c ${String(long)} /dev/zero | tr "\\0" "x"; echo; echo after` },
        {
          name: 'binary',
          needs: [],
          run: 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i + 1)); done; printf "\\n\\0end"',
        },
        { name: 'colour', needs: [], run: 'printf "\\033[1;31mred\\033[0m and plain\\n"' },
      ],
      { args: ['--log-dir', join(bench.folder.path, 'logs')] },
    );

    expectExit(result, 0);
    const whole = await logOf('logs', 'long');
    expect(whole.length).toBe(long + '\nafter\n'.length);
    expect(whole.subarray(0, long).every((byte) => byte === 0x78)).toBe(true);
    const [shown = ''] = /^\[long\] x+.*$/m.exec(result.stdout) ?? [];
    expect(shown).toMatch(/^\[long\] x{8192} … \(20963328 more bytes\)$/);
    expect(result.stdout).toContain('[long] after\n');
    const bytes = Buffer.from([...Array(256).keys(), 10, 0, ...Buffer.from('end')]);
    expect((await logOf('logs', 'binary')).equals(bytes)).toBe(true);
    expect(result.stdout).toContain('[binary] ␀end\n');
    expect(result.stdout).toContain('[colour] \u001b[1;31mred\u001b[0m and plain\n');
  });
});
