import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerShell } from './container-shell.ts';
import { startContainerShell } from './container-shell.ts';
import type { Machine } from './machine.ts';
import { runCommand, shellQuoted } from './processes.ts';
import type { CommandProcess } from './running-process.ts';
import { makeSkeleton, openWorkFolders, planRoot } from './root-filesystem.ts';
import { StartError } from './runtime.ts';
import type { ContainerLaunch, RunningContainer, Runtime } from './runtime.ts';
import { createSpares } from './spares.ts';

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

/**
 * Variables for a shell to give on: not as arguments of a program, which everybody on the machine may read. Those that no
 * shell gives on are left out; `command` lets a shell go on that holds one of them for its own (`UID`).
 */
function exported(environment: Record<string, string>): string {
  const named = Object.entries(environment).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
  const words = named.map(([name, value]) => `${name}=${shellQuoted([value])}`);
  return words.length === 0 ? '' : `command export ${words.join(' ')}`;
}

/** The {@link Runtime} that gives every container mounts and process ids of its own; needs {@link Machine.namespaces}. */
export function createNamespaceRuntime(
  machine: Machine,
  { stateFolder, mark }: { stateFolder: string; mark: Record<string, string> },
): Runtime {
  const skeleton = join(stateFolder, 'skeleton');
  const root = join(stateFolder, 'root');
  makeSkeleton(skeleton);
  mkdirSync(root, { recursive: true });
  const tool = (name: keyof Machine['tools']): string => machine.tools[name] ?? name;
  const newShell = (userOf: number | undefined): Promise<ContainerShell> =>
    startContainerShell(machine, { userOf, environment: mark });
  /** The pods' networks are all of one user namespace; an unprivileged user's shell must be in it to go into one. */
  let lastNetwork: number | undefined;
  const spares = createSpares(() => newShell(lastNetwork));

  async function shellFor({ networkOf }: ContainerLaunch): Promise<ContainerShell> {
    if (networkOf === undefined && machine.enterUser.length > 0) return newShell(undefined);
    lastNetwork = networkOf;
    for (;;) {
      const shell = await spares.take();
      if (shell.isAlive()) return shell;
    }
  }

  /** Mounts, and goes into the network and the root. */
  function scriptOf(launch: ContainerLaunch, fstab: string): string {
    const { hostname, networkOf, environment, workingDir, command } = launch;
    const mount = shellQuoted([tool('mount'), '--no-mtab', '--all', '--fstab', fstab]);
    const network = networkOf === undefined ? [] : ['--target', String(networkOf), '--net'];
    const enter = [
      tool('nsenter'),
      ...network,
      `--root=${root}`,
      `--wd=${root}`,
      '/bin/sh',
      '-c',
      ENTER,
      'sh',
    ];
    return `${launch.stdin ? '' : 'exec </dev/null'}
errors=$(${mount} 2>&1) || { echo "error mount: $errors" >&3; exit 128; }
name=${shellQuoted([hostname])}
{ echo "$name" > /proc/sys/kernel/hostname; } 2>/dev/null || hostname "$name" 2>/dev/null
${exported(environment)}
exec ${shellQuoted([...enter, workingDir, ...command])}`;
  }

  async function start(launch: ContainerLaunch): Promise<RunningContainer> {
    const fstab = join(launch.folder, 'fstab');
    writeFileSync(fstab, await planRoot({ root, skeleton, folder: launch.folder }, launch));
    const shell = await shellFor(launch);
    const said = await shell.run(scriptOf(launch, fstab));
    // Root reads them anyway.
    if (machine.enterUser.length > 0) openWorkFolders(launch.folder);
    const { process } = shell;
    if (said !== 'started') {
      process.stdout.resume();
      throw new StartError(said.replace(/^error /, ''));
    }
    if (!launch.stdin) process.stdin?.destroy();
    return {
      ...process,
      stdin: launch.stdin ? process.stdin : undefined,
      exec: (command, options) => exec(process.pid, launch, command, options),
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

  function close(): void {
    for (const shell of spares.close()) shell.process.kill('SIGKILL');
  }

  return { start, close };
}
