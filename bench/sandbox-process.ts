import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommand } from '../scripts/run-command.ts';
import { status, stop } from '../src/sandbox/lifecycle.ts';
import type { Bench } from './bench.ts';

/** A sandbox of the benchmarks' own, started from the built CLI as users start it. */
export interface SandboxProcess {
  kubeconfig: string;
  pid: number;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** A folder for the state of a sandbox. */
export function sandboxFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'slipway-bench-'));
}

/** Runs `pipeline sandbox start` with the folder; resolves when the sandbox answers. */
export async function startSandboxProcess(
  { cli }: Pick<Bench, 'cli'>,
  folder: string,
): Promise<SandboxProcess> {
  await runCommand([process.execPath, cli, 'sandbox', 'start', '--folder', folder]);
  const now = status({ folder });
  if (now.state === 'stopped') throw new Error('the sandbox was started and does not run');
  return {
    kubeconfig: now.kubeconfig,
    pid: now.pid,
    close: async () => {
      await stop({ folder });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A sandbox that is started when it is wanted first, and shared from then on. */
export function sharedSandbox(bench: Pick<Bench, 'cli'>) {
  let started: Promise<SandboxProcess> | undefined;
  return {
    get: () => (started ??= sandboxFolder().then((folder) => startSandboxProcess(bench, folder))),
    close: async () => {
      const sandbox = await started;
      started = undefined;
      await sandbox?.close();
    },
  };
}
