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
import { enterCommand, enterExecCommand } from './enter-scripts.ts';
import { exportedEnvironment } from './exported-environment.ts';
import { createPrewarmed } from './prewarmed.ts';
import type { Prewarmed } from './prewarmed.ts';

/** The {@link Runtime} that gives every container mounts and process ids of its own; needs {@link Machine.namespaces}. */
export function createNamespaceRuntime(
  machine: Machine,
  { stateFolder, mark }: { stateFolder: string; mark: Record<string, string> },
): Runtime {
  const folders = { skeleton: join(stateFolder, 'skeleton'), root: join(stateFolder, 'root') };
  makeSkeleton(folders.skeleton);
  mkdirSync(folders.root, { recursive: true });
  return new NamespaceRuntime(machine, folders, mark);
}

class NamespaceRuntime implements Runtime {
  readonly #machine: Machine;
  readonly #folders: { skeleton: string; root: string };
  readonly #mark: Record<string, string>;
  readonly #prewarmed: Prewarmed<ContainerShell>;
  /** The pods' networks are all of one user namespace; an unprivileged user's shell must be in it to go into one. */
  #lastNetwork: number | undefined;

  constructor(machine: Machine, folders: { skeleton: string; root: string }, mark: Record<string, string>) {
    this.#machine = machine;
    this.#folders = folders;
    this.#mark = mark;
    this.#prewarmed = createPrewarmed(() => this.#newShell(this.#lastNetwork));
  }

  async start(launch: ContainerLaunch): Promise<RunningContainer> {
    const fstab = join(launch.folder, 'fstab');
    writeFileSync(fstab, await planRoot({ ...this.#folders, folder: launch.folder }, launch));
    const shell = await this.#shellFor(launch);
    const report = await shell.run(this.#scriptOf(launch, fstab));
    // Root reads them anyway.
    if (this.#machine.enterUser.length > 0) openWorkFolders(launch.folder);
    const { process } = shell;
    if (report !== 'started') {
      process.stdout.resume();
      throw new StartError(report.replace(/^error /, ''));
    }
    if (!launch.stdin) process.stdin?.destroy();
    return {
      ...process,
      stdin: launch.stdin ? process.stdin : undefined,
      exec: (command, options) => this.#exec(process.pid, launch, command, options),
    };
  }

  close(): void {
    for (const shell of this.#prewarmed.close()) shell.process.kill('SIGKILL');
  }

  #tool(name: keyof Machine['tools']): string {
    return this.#machine.tools[name] ?? name;
  }

  #newShell(userOf: number | undefined): Promise<ContainerShell> {
    return startContainerShell(this.#machine, { userOf, environment: this.#mark });
  }

  async #shellFor({ networkOf }: ContainerLaunch): Promise<ContainerShell> {
    if (networkOf === undefined && this.#machine.enterUser.length > 0) return this.#newShell(undefined);
    this.#lastNetwork = networkOf;
    for (;;) {
      const shell = await this.#prewarmed.take();
      if (shell.isAlive()) return shell;
    }
  }

  /** Mounts, and goes into the network and the root. */
  #scriptOf(launch: ContainerLaunch, fstab: string): string {
    const { hostname, networkOf, environment, workingDir, command } = launch;
    const { root } = this.#folders;
    const mount = shellQuoted([this.#tool('mount'), '--no-mtab', '--all', '--fstab', fstab]);
    const network = networkOf === undefined ? [] : ['--target', String(networkOf), '--net'];
    const inside = ['/bin/sh', '-c', enterCommand, 'sh'];
    const enter = [this.#tool('nsenter'), ...network, `--root=${root}`, `--wd=${root}`, ...inside];
    return `${launch.stdin ? '' : 'exec </dev/null'}
errors=$(${mount} 2>&1) || { echo "error mount: $errors" >&3; exit 128; }
name=${shellQuoted([hostname])}
{ echo "$name" > /proc/sys/kernel/hostname; } 2>/dev/null || hostname "$name" 2>/dev/null
${exportedEnvironment(environment)}
exec ${shellQuoted([...enter, workingDir, ...command])}`;
  }

  #exec(
    pid: number,
    launch: ContainerLaunch,
    command: readonly string[],
    { stdin, tty }: { stdin: boolean; tty: boolean },
  ): CommandProcess {
    const { enterUser, tools } = this.#machine;
    const into = ['--target', String(pid), '--mount', '--pid', '--uts', '--root', '--wd'];
    if (launch.networkOf !== undefined) into.push('--net');
    const inside = ['/bin/sh', '-c', enterExecCommand, 'sh'];
    const whole = [this.#tool('nsenter'), ...enterUser, ...into, ...inside, launch.workingDir, ...command];
    return runCommand(whole, { stdin, tty, script: tools.script, environment: launch.environment });
  }
}
