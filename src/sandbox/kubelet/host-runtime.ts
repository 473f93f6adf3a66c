import { spawn } from 'node:child_process';
import { constants, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { killMarked } from './leftovers.ts';
import type { Machine } from './machine.ts';
import { killProcess, processOf, runCommand } from './processes.ts';
import { removeTree } from './remove-tree.ts';
import { StartError } from './runtime.ts';
import type { ContainerLaunch, RunningContainer, Runtime } from './runtime.ts';

/** The variable by which processes of a container are known, wherever they wander. */
export const containerMark = 'SLIPWAY_SANDBOX_CONTAINER';

/**
 * The {@link Runtime} for machines without namespaces: containers are plain processes, and a path of a mount is
 * replaced by its folder's real path wherever it is written in the command, the environment and what is exec'd.
 */
export function createHostRuntime(machine: Machine): Runtime {
  async function start(launch: ContainerLaunch): Promise<RunningContainer> {
    const root = await ownFiles(launch);
    const paths = pathsOf(launch, root);
    const real = (text: string): string => replacePaths(text, paths);
    const environment = Object.fromEntries(
      Object.entries(launch.environment).map(([name, value]) => [
        name,
        name === 'PATH' ? value : real(value),
      ]),
    );
    environment[containerMark] = launch.folder;
    environment['PATH'] = [...programFolders(root, environment['PATH']), environment['PATH']].join(delimiter);
    const workingDir = real(launch.workingDir);
    const cwd = ensureFolder(workingDir) ? workingDir : launch.folder;
    const [command = '', ...rest] = launch.command.map(real);
    const child = spawn(command, rest, {
      env: environment,
      cwd,
      detached: true,
      stdio: [launch.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(new StartError(`exec: "${command}": ${reasonOf(error, command)}`)),
      );
    });
    const main = processOf(child);
    // The container's first process takes the rest with it, as the end of a pid namespace does.
    const ended = main.ended.finally(() => {
      killProcess(-main.pid, 'SIGKILL');
      killMarked(containerMark, launch.folder);
    });
    return {
      ...main,
      ended,
      kill: (signal) => {
        main.kill(signal);
        if (signal === 'SIGKILL') killMarked(containerMark, launch.folder);
      },
      exec: (words, { stdin, tty }) =>
        runCommand(words.map(real), {
          stdin,
          tty,
          environment,
          script: machine.tools.script,
          workingDir: cwd,
        }),
    };
  }

  return { start, close: () => undefined };
}

/** A bare name may fail with EACCES, too, when some folder of PATH may not be read. */
function reasonOf(error: NodeJS.ErrnoException, command: string): string {
  if (error.code === 'ENOENT' || !command.includes('/')) return 'executable file not found in $PATH';
  return error.code === 'EACCES' ? 'permission denied' : error.message;
}

/** The image's files as the container's own, which it may write to; copied afresh, by reference where the disk can. */
async function ownFiles({ folder, image }: ContainerLaunch): Promise<string | undefined> {
  if (image.root === undefined) return undefined;
  const root = join(folder, 'root');
  await removeTree(root);
  await cp(image.root, root, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  return root;
}

/** The folders of PATH that the image brings: its own programs come before the machine's. */
function programFolders(root: string | undefined, path = ''): string[] {
  if (root === undefined) return [];
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(root, folder)).filter((folder) => existsSync(folder));
}

/** What is to be read for each path of the container: its mounts, and the top folders of its image that the machine has not. */
function pathsOf({ mounts }: ContainerLaunch, root: string | undefined): Map<string, string> {
  const paths = new Map<string, string>();
  for (const name of root === undefined ? [] : readdirSync(root)) {
    if (!existsSync(`/${name}`)) paths.set(`/${name}`, join(root ?? '', name));
  }
  for (const { source, target } of mounts) paths.set(target, source);
  return paths;
}

/** Replaces each path of `paths` where it stands as a path of its own or begins one, longest first. */
export function replacePaths(text: string, paths: ReadonlyMap<string, string>): string {
  if (paths.size === 0) return text;
  const longestFirst = [...paths.keys()].sort((left, right) => right.length - left.length);
  const alternatives = longestFirst
    .map((path) => path.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('|');
  // eslint-disable-next-line no-restricted-syntax -- escaped paths of our own
  const pattern = new RegExp(String.raw`(?<![\w.\-/}])(?:${alternatives})(?![\w.\-])`, 'g');
  return text.replaceAll(pattern, (path) => paths.get(path) ?? path);
}

function ensureFolder(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true });
    return statSync(path).isDirectory();
  } catch {
    // An image's working folder that cannot be made here; the container's own folder does instead.
    return false;
  }
}
