import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, type CommandBench } from '../../support/command-bench.ts';
import { shellWord } from '../../support/shell-word.ts';
import { pipelineProgram } from '../../support/pipeline-command.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(400_000);

let bench: CommandBench;
let terminal: ChildProcess | undefined;

beforeAll(async () => {
  bench = await makeCommandBench('terminal');
});
afterEach(() => {
  terminal?.kill('SIGKILL');
  terminal = undefined;
});
afterAll(() => bench.remove());

/** A run under a terminal of its own (util-linux `script`); what it exits with is written to `file`. */
async function runInTerminal(file: string, ...more: string[]): Promise<ChildProcess> {
  const stages = [{ name: 'long', run: 'echo begun; echo "run $SLIPWAY_RUN"; sleep 600' }];
  const [args, { env }] = await bench.runOf(stages, { args: more });
  const command = [...pipelineProgram, ...args].map(shellWord).join(' ');
  // The terminal's own shell dies of the hang-up, and so everything in its foreground is told of it; the inner one
  // outlives that, to tell how the command ended.
  const inner = `trap : HUP; ${command}; echo $? >${shellWord(file)}`;
  const script = `stty rows 40 columns 120; sh -c ${shellWord(inner)}; exit $?`;
  terminal = spawn('script', ['--quiet', '--return', '--command', script, '/dev/null'], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return terminal;
}

/** Reads what the terminal shows until the pattern is in it; reads on after that, as a terminal does. */
async function shown(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await waitFor(`the terminal to show ${pattern.source}`, async () => pattern.test(text) || undefined);
}

describe('a terminal that hangs up', () => {
  it.each([['the live tree'], ['plain lines', '--output', 'plain']])(
    'under %s ends the run cleanly: exit code 130, the pod is removed',
    async (_what, ...options) => {
      const file = join(bench.folder.path, `exit${String(options.length)}`);
      const child = await runInTerminal(file, ...options);
      await shown(child, /begun/);

      child.kill('SIGKILL'); // its end of the terminal closes, and the kernel sends SIGHUP
      await once(child, 'close');

      const exitCode = await waitFor('the command to end', async () => {
        const text = await bench.folder.read(`exit${String(options.length)}`).catch(() => '');
        return text === '' ? undefined : text.trim();
      });
      expect(exitCode).toBe('130');
      await bench.expectNothingLeft();
      const { stdout } = await bench.command('runs', '--output', 'json');
      const states = stdout.trim().split('\n');
      expect(states.map((line) => (JSON.parse(line) as { state: string }).state)).toEqual(
        states.map(() => 'interrupted'),
      );
    },
  );
});
