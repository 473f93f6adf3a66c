import { readFileSync, readdirSync } from 'node:fs';
import { killProcess } from './processes.ts';

/**
 * Kills every process of this user whose environment has `name=value`: what left its process group, or what an earlier
 * sandbox left behind. Does nothing where there is no /proc. Returns how many.
 */
export function killMarked(name: string, value: string): number {
  let killed = 0;
  for (const pid of processIds()) {
    if (pid === process.pid || !environmentOf(pid).includes(`${name}=${value}`)) continue;
    killProcess(pid, 'SIGKILL');
    killed += 1;
  }
  return killed;
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1);
  } catch {
    // No /proc here: process groups have to do.
    return [];
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${String(pid)}/environ`, 'utf8').split('\0');
  } catch {
    // Another user's, or gone meanwhile.
    return [];
  }
}

/** Resident memory in bytes of a process and all its descendants; undefined where the system does not tell. */
export function residentMemory(root: number): number | undefined {
  const children = new Map<number, number[]>();
  const resident = new Map<number, number>();
  for (const pid of processIds()) {
    try {
      const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const parent = Number(fields[1]);
      children.set(parent, [...(children.get(parent) ?? []), pid]);
      resident.set(pid, Number(fields[21]) * 4096);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  if (!resident.has(root)) return undefined;
  const all = [root];
  for (const pid of all) all.push(...(children.get(pid) ?? []));
  return all.reduce((sum, pid) => sum + (resident.get(pid) ?? 0), 0);
}
