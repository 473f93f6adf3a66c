import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { Machine } from './machine.ts';
import { exitOf, firstLine, killProcess, processOf, runCommand } from './processes.ts';
import type { CommandProcess } from './running-process.ts';
import { makeSkeleton, openWorkFolders, planRoot } from './root-filesystem.ts';
import { StartError } from './runtime.ts';
import type { ContainerLaunch, RunningContainer, Runtime } from './runtime.ts';

/** Says its process id as the machine numbers it (its /proc is still the machine's), mounts, and goes into the root. */
const PREPARE = `
read -r pid rest < /proc/self/stat; echo "pid $pid" >&3
mount=$1 fstab=$2 chroot=$3 root=$4 hostname=$5 enter=$6; shift 6
errors=$("$mount" --no-mtab --all --fstab "$fstab" 2>&1) || { echo "error mount: $errors" >&3; exit 128; }
{ echo "$hostname" > /proc/sys/kernel/hostname; } 2>/dev/null || hostname "$hostname" 2>/dev/null
exec "$chroot" "$root" /bin/sh -c "$enter" sh "$@"`;

/**
 * Runs inside the container: goes to the working folder (made if it is not there), says whether the command is there,
 * and becomes it. `report` and `exitCode` are where and how it says that it cannot; `redirect` goes before the command.
 */
function enterScript({
  report,
  exitCode,
  redirect,
}: {
  report: string;
  exitCode: number;
  redirect: string;
}): string {
  return `
fail() { echo "$1" ${report}; exit ${exitCode}; }
cd "$1" 2>/dev/null || { mkdir -p "$1" && cd "$1"; } || fail "error chdir to cwd: $1"
shift
case $1 in
*/*) if [ -d "$1" ]; then why="is a directory"; elif [ ! -e "$1" ]; then why="no such file or directory"; elif [ ! -x "$1" ]; then why="permission denied"; fi ;;
*) command -v -- "$1" >/dev/null || why='executable file not found in $PATH' ;;
esac
[ -z "$why" ] || fail "error exec: \\"$1\\": $why"
${redirect}`;
}

/** The container's own process: what it says itself goes to descriptor 3, its error output to 4. */
const ENTER = enterScript({
  report: '>&3',
  exitCode: 128,
  redirect: 'echo started >&3; exec "$@" 2>&4 3>&- 4>&-',
});
/** A further command in the container; the exit code is that of the real runtimes. */
const ENTER_EXEC = enterScript({ report: '>&2', exitCode: 126, redirect: 'exec "$@"' });

/** What `unshare` says when KILL ended its child: it wants to end by the same signal, and exits with 1 instead. */
const KILLED = /sigprocmask unblock failed/;

/** The {@link Runtime} that gives every container mounts and process ids of its own; needs {@link Machine.namespaces}. */
export function createNamespaceRuntime(machine: Machine, stateFolder: string): Runtime {
  const skeleton = join(stateFolder, 'skeleton');
  const root = join(stateFolder, 'root');
  makeSkeleton(skeleton);
  mkdirSync(root, { recursive: true });
  const tool = (name: keyof Machine['tools']): string => machine.tools[name] ?? name;

  /** With the sandbox, even if that is killed, everything in the container ends. */
  const withParent =
    machine.tools.setpriv === undefined ? [] : [machine.tools.setpriv, '--pdeathsig', 'KILL', '--'];

  function intoNetwork(pid: number | undefined): string[] {
    if (pid === undefined) return [...withParent, tool('unshare'), ...machine.unshareUser];
    const enter = [tool('nsenter'), ...machine.enterUser, '--target', String(pid), '--net'];
    return [...enter, ...withParent, tool('unshare')];
  }

  async function start(launch: ContainerLaunch): Promise<RunningContainer> {
    const fstab = join(launch.folder, 'fstab');
    writeFileSync(fstab, await planRoot({ root, skeleton, folder: launch.folder }, launch));
    const [command = '', ...options] = intoNetwork(launch.networkOf);
    const own = [
      ...options,
      '--mount',
      '--pid',
      '--uts',
      '--fork',
      '--kill-child',
      tool('sh'),
      '-c',
      PREPARE,
      'sh',
    ];
    const given = [tool('mount'), fstab, tool('chroot'), root, launch.hostname, ENTER];
    const child = spawn(command, [...own, ...given, launch.workingDir, ...launch.command], {
      env: launch.environment,
      detached: true,
      stdio: [launch.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    const outer = processOf(child);
    const complaints = textOf(outer.stderr);
    const report = firstLine(child.stdio[3] as Readable);
    const pid = Number((await report.next()).replace(/^pid /, ''));
    const said = await report.next();
    report.done();
    openWorkFolders(launch.folder);
    if (said !== 'started') {
      outer.stdout.resume();
      throw new StartError(said.replace(/^error /, '') || (await complaints).trim());
    }
    const ended = outer.ended.then(async (end) =>
      end.exitCode === 1 && KILLED.test(await complaints) ? exitOf(null, 'SIGKILL') : end,
    );
    return {
      ...outer,
      stderr: child.stdio[4] as Readable,
      ended,
      pid,
      kill: (signal) => killProcess(pid, signal),
      exec: (execCommand, execOptions) => exec(pid, launch, execCommand, execOptions),
    };
  }

  function exec(
    pid: number,
    launch: ContainerLaunch,
    command: readonly string[],
    { stdin, tty }: { stdin: boolean; tty: boolean },
  ): CommandProcess {
    const into = ['--target', String(pid), '--mount', '--pid', '--uts', '--root', '--wd'];
    if (launch.networkOf !== undefined) into.push('--net');
    const inside = ['/bin/sh', '-c', ENTER_EXEC, 'sh'];
    const whole = [tool('nsenter'), ...machine.enterUser, ...into, ...inside, launch.workingDir, ...command];
    return runCommand(whole, { stdin, tty, script: machine.tools.script, environment: launch.environment });
  }

  return { start };
}
