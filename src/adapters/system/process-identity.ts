import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names this process as the holder of a lease: `HOST/PID/MACHINE.START.RANDOM`. MACHINE stands for this boot of the
 * machine and this PID namespace, START for when the process was started, so that a process of the same machine can
 * tell whether this one is still there ({@link isEnded}). Without Linux's /proc only RANDOM is there.
 */
export function holderName(): string {
  const start = startOf(process.pid);
  const random = randomBytes(4).toString('hex');
  const place = machine();
  const identity = start === undefined || place === undefined ? random : `${place}.${start.ticks}.${random}`;
  return `${hostname()}/${String(process.pid)}/${identity}`;
}

/**
 * Whether a holder is a process of this machine that has ended, by a kill -9 for one. False whenever that is not known:
 * it is of another machine, container or boot, or cannot be looked at.
 * @param holder from {@link holderName}, of any process
 */
export function isEnded(holder: string): boolean {
  const [, pid, place, ticks] = /\/(\d+)\/([0-9a-f]{8})\.(\d+)\.[0-9a-f]+$/.exec(holder) ?? [];
  if (pid === undefined || place !== machine()) return false;
  const id = Number(pid);
  if (!isThere(id)) return true;
  const start = startOf(id);
  // A number may be given to another process; a zombie has ended, and its parent has not waited for it yet.
  return start !== undefined && (start.ticks !== ticks || start.state === 'Z' || start.state === 'X');
}

/** Asks by a signal, not by /proc, which may hide the processes of other users (hidepid). */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Of /proc/PID/stat: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function startOf(pid: number): { state: string; ticks: string } | undefined {
  const text = read(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  // The second field is the program's name in brackets, which may hold spaces and brackets itself.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields?.[0], fields?.[19]];
  return state === undefined || ticks === undefined ? undefined : { state, ticks };
}

/** 8 hex digits for this boot and PID namespace. */
function machine(): string | undefined {
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  if (boot === undefined || namespace === undefined) return undefined;
  return createHash('sha256').update(`${boot} ${namespace}`).digest('hex').slice(0, 8);
}

function read(get: () => string): string | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}
