import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { Machine } from './machine.ts';
import { exitOf, firstLine, killProcess, processOf } from './processes.ts';
import type { RunningProcess } from './running-process.ts';
import { StartError } from './runtime.ts';

/** Says the shell's process id as the machine numbers it: its /proc is still the machine's. */
const reportPid = 'read -r pid rest < /proc/self/stat; echo "$pid" >&3\n';

/** What `unshare` says when KILL ended its child: it wants to end by the same signal, and exits with 1 instead. */
const killedPattern = /sigprocmask unblock failed/;

/** A shell with mounts and process ids of its own, which waits for the script that makes it a container. */
export interface ContainerShell {
  /** The container's process, once it is one; its error output is what it writes to descriptor 4. */
  process: RunningProcess;
  isAlive(): boolean;
  /**
   * Runs a script, and resolves with the line that this writes to descriptor 3, or that says why there is none. It comes
   * by the shell's input, which is then the container's.
   */
  run(script: string): Promise<string>;
}

/**
 * Starts a shell that becomes the first process of a container, in a group of its own. With the sandbox, even if that is killed,
 * it ends with all that it started. An unprivileged user's is in the user namespace of the process `userOf`, or in a new
 * one.
 * @throws StartError when the machine does not let it.
 */
export async function startContainerShell(
  { tools, enterUser, unshareUser }: Machine,
  { userOf, environment }: { userOf: number | undefined; environment: Record<string, string> },
): Promise<ContainerShell> {
  const { nsenter = '', setpriv, unshare = '', sh = '' } = tools;
  const intoUser =
    userOf === undefined || enterUser.length === 0
      ? []
      : [nsenter, ...enterUser, '--target', String(userOf), '--'];
  const withParent = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  // What the machine mounts later, a container of this shell is to see too.
  const own = ['--mount', '--propagation', 'slave', '--pid', '--uts', '--fork', '--kill-child'];
  const user = userOf === undefined ? unshareUser : [];
  const [command, ...rest] = [...intoUser, ...withParent, unshare, ...user, ...own, sh];
  const child = spawn(command, rest, {
    env: environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const outer = processOf(child);
  const complaints = textOf(outer.stderr);
  const reports = firstLine(child.stdio[3] as Readable);
  child.stdin.write(reportPid);
  const pid = Number(await reports.next());
  if (pid === 0) throw new StartError((await complaints).trim());
  const ended = outer.ended.then(async (end) =>
    end.exitCode === 1 && killedPattern.test(await complaints) ? exitOf(null, 'SIGKILL') : end,
  );
  return {
    process: {
      ...outer,
      stderr: child.stdio[4] as Readable,
      ended,
      pid,
      kill: (signal) => killProcess(pid, signal),
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async run(script) {
      // A group is read to its end before it runs, so that it may give its input away.
      child.stdin.write(`{\n${script}\n}\n`);
      const report = await reports.next();
      reports.done();
      return report || (await complaints).trim();
    },
  };
}
