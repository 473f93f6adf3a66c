import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A sandbox that runs as a process. */
export interface Running {
  pid: number;
  address: string;
  /** Where HTTPRoutes and Ingresses are served; undefined of a sandbox that an earlier version started. */
  gateway?: string;
  /** The OCI registry, plain HTTP, and who may use it. */
  registry: { address: string; credentials: { username: string; password: string } };
}

const pathIn = (folder: string): string => join(folder, 'running.json');

/** Whether the process is still there and is a sandbox: ids are used again after a reboot. */
function isAlive({ pid }: Running): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const commandLine = `/proc/${pid}/cmdline`;
  return !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('sandbox');
}

/** Writes down that this process is the sandbox of `folder`; returns what takes that back. */
export function writeRunning(folder: string, running: Running): () => void {
  writeFileSync(pathIn(folder), JSON.stringify(running), { mode: 0o600 });
  return () => {
    rmSync(pathIn(folder), { force: true });
  };
}

/** The sandbox that runs with `folder`; undefined when none does. */
export function readRunning(folder: string): Running | undefined {
  if (!existsSync(pathIn(folder))) return undefined;
  const running = JSON.parse(readFileSync(pathIn(folder), 'utf8')) as Running;
  return isAlive(running) ? running : undefined;
}
