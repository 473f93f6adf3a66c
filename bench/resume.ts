import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { runCommand } from '../scripts/run-command.ts';
import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';

/** A line every 50 ms or so, for longer than is measured. */
const script = 'i=0; while [ $i -lt 2400 ]; do echo "tick $i"; i=$((i + 1)); sleep 0.05; done';
const mostMs = 120_000;

/** How long the output of a step pauses when its runner is killed and resumed, and when its pod is lost and replaced. */
export function resume({ cli, namespace, image }: Bench): Figures<'killed' | 'replaced'>[] {
  const options = ['--namespace', namespace, '--output', 'plain'];
  const inFolder = async (measure: (file: string) => Promise<number>): Promise<number> => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-resume-'));
    try {
      const file = join(folder, 'app.yaml');
      await writeFile(file, pipelineText(image));
      return await measure(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  const killed = (file: string): Promise<number> =>
    withCommand(cli, ['run', file, ...options], async (first) => {
      const runId = await line(first, /^slipway: run (\w+)/);
      await line(first, /tick 20\b/);
      first.kill('SIGKILL');
      const startedAt = performance.now();
      return withCommand(cli, ['resume', runId, ...options], async (second) => {
        await line(second, /\[ticks\] tick \d+/);
        return (performance.now() - startedAt) / 1000;
      });
    });
  const replaced = (file: string): Promise<number> =>
    withCommand(cli, ['run', file, ...options], async (command) => {
      const pod = await line(command, /agent pod (\S+) ready/);
      await line(command, /tick 20\b/);
      const startedAt = performance.now();
      await runCommand(['kubectl', '-n', namespace, 'delete', 'pod', pod, '--grace-period=0', '--force']);
      await line(command, /\[ticks\] tick 0\b/);
      return (performance.now() - startedAt) / 1000;
    });
  return [
    {
      name: 'a run that lost its runner or its pod',
      rounds: 3,
      parts: {
        killed: { label: 'kill -9 and resume, until the next line', unit: 's' },
        replaced: { label: 'a deleted pod, until the first line of the next', unit: 's' },
      },
      take: async () => ({ killed: [await inFolder(killed)], replaced: [await inFolder(replaced)] }),
    },
  ];
}

function pipelineText(image: string): string {
  return JSON.stringify({
    apiVersion: 'slipway.dev/v1',
    kind: 'Pipeline',
    name: 'bench-resume',
    agent: { containers: { main: { image } } },
    stages: [{ name: 'ticks', run: script, retry: { max: 1, backoff: '1s' } }],
  });
}

/** Starts a command of the CLI and ends it, with its run, when what is measured was seen. */
async function withCommand<T>(
  cli: string,
  args: readonly string[],
  work: (command: ChildProcess) => Promise<T>,
): Promise<T> {
  const command = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(command, 'exit');
  try {
    return await work(command);
  } finally {
    command.kill('SIGTERM');
    await ended;
  }
}

/** Waits for a line of the output. @returns what the pattern's first group matched, or the whole match */
async function line(command: ChildProcess, pattern: RegExp): Promise<string> {
  const lines = createInterface({ input: command.stdout!, signal: AbortSignal.timeout(mostMs) });
  for await (const text of lines) {
    const match = pattern.exec(text);
    if (match !== null) return match[1] ?? match[0];
  }
  throw new Error(`the command ended without a line that matches ${String(pattern)}`);
}
