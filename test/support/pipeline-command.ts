import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** End-to-end tests start what users start, which `scripts/e2e.ts` has built. */
const main =
  process.env['SLIPWAY_TEST_MAIN'] ??
  join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'main.ts');

/** The command `pipeline` as a program and its first arguments, for those who start it in a way of their own. */
export const pipelineProgram: readonly string[] = [process.execPath, main];

/** How the command line is called. */
export interface PipelineOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: NodeJS.ProcessEnv;
  /** The command is killed after this time and the result says so; default 5 minutes. */
  timeoutMs?: number;
  /** `leave`: the caller reads `child.stdout`, which is not kept; default `collect`. */
  stdout?: 'collect' | 'leave';
}

/** What a finished command left. */
export interface PipelineResult {
  /** 128 + the signal's number when a signal ended it. */
  exitCode: number;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  durationMs: number;
}

/** A command that goes on. */
export interface RunningPipeline {
  readonly child: ChildProcess;
  /** Resolves with the match as soon as the output so far (stdout and stderr) has it; rejects when the command ends without. */
  output(pattern: RegExp): Promise<RegExpExecArray>;
  readonly result: Promise<PipelineResult>;
}

/** Starts `pipeline ARGS…` as a process of its own, as Jenkins does: no terminal, no input. */
export function startPipeline(args: readonly string[], options: PipelineOptions = {}): RunningPipeline {
  const started = Date.now();
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd,
    // Flags of the test runner's own Node are not the command's.
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  const collected = options.stdout === 'leave' ? (['stderr'] as const) : (['stdout', 'stderr'] as const);
  for (const stream of collected)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      for (const watcher of watchers) watcher();
    });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 300_000);
  const result = new Promise<PipelineResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ exitCode: code ?? 137, signal, ...output, durationMs: Date.now() - started });
      for (const watcher of watchers) watcher();
    });
  });
  return {
    child,
    result,
    output: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(output.stdout + output.stderr);
          if (found === null && child.exitCode === null && child.signalCode === null) return;
          watchers.delete(look);
          if (found !== null) resolve(found);
          else
            reject(
              new Error(`the command ended without ${pattern.source}:\n${output.stdout}\n${output.stderr}`),
            );
        };
        watchers.add(look);
        look();
      }),
  };
}

/** Runs `pipeline ARGS…` to its end. */
export async function runPipeline(
  args: readonly string[],
  options: PipelineOptions = {},
): Promise<PipelineResult> {
  return startPipeline(args, options).result;
}

/** @throws Error with the last output of the command when it ended otherwise */
export function expectExit(result: PipelineResult, exitCode: number): void {
  if (result.exitCode === exitCode) return;
  const tail = `${result.stdout}\n--- stderr\n${result.stderr}`.trim().split('\n').slice(-60).join('\n');
  throw new Error(`pipeline ended with ${result.exitCode}, not ${exitCode}:\n${tail}`);
}
