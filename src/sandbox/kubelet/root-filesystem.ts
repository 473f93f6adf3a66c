import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { ImageFiles } from './image-files.ts';
import { removeTree } from './remove-tree.ts';
import type { Mount } from './runtime.ts';

const deviceNames = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
/** Where most containers have a file mounted. */
const terminationLogName = 'termination-log';
/** Top folders that a container has of its own. */
const ownFolders = ['proc', 'sys', 'dev', 'tmp'];
const deviceLinks = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
};

/**
 * Makes the root that all containers without a system of their own begin with: an empty place for each folder of the
 * machine's root, its symbolic links, and the devices' places.
 */
export function makeSkeleton(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync('/')) {
    if (ownFolders.includes(name)) continue;
    const found = lstatSync(join('/', name));
    if (found.isSymbolicLink()) symlinkSync(readlinkSync(join('/', name)), join(folder, name));
    else makePoint(join(folder, name), !found.isDirectory());
  }
  makeSystemFolders(folder);
}

/**
 * Prepares a container's root in `folder`, afresh: the image's files, copied on write, or the machine's own files with
 * the image's laid over them, and the mounts. Only the plan is made here, lines of fstab(5): the mounts happen in the
 * container's own mount namespace, so nothing of the machine is changed and `root` is the same empty folder for all.
 */
export async function planRoot(
  { root, skeleton, folder }: { root: string; skeleton: string; folder: string },
  { image, mounts }: { image: ImageFiles; mounts: readonly Mount[] },
): Promise<string> {
  for (const name of existsSync(join(folder, 'upper')) ? ['upper', 'work'] : [])
    await removeTree(join(folder, name));
  const plan = new Plan({ root, skeleton, folder }, image, mounts);
  plan.build();
  return plan.lines.join('\n') + '\n';
}

/**
 * To be called when the mounts are there: overlayfs makes a folder in each of its work folders that not even its owner
 * may read, and who removes the sandbox's folder later should not stumble over it.
 */
export function openWorkFolders(folder: string): void {
  for (const name of readdirSync(join(folder, 'work'))) {
    const inner = join(folder, 'work', name, 'work');
    if (existsSync(inner)) chmodSync(inner, 0o700);
  }
}

interface MountPoint {
  path: string;
  isFile: boolean;
  mount: Mount;
}

/** The work of {@link planRoot}. */
class Plan {
  readonly lines: string[] = [];
  readonly #root: string;
  readonly #folder: string;
  readonly #image: ImageFiles;
  readonly #points: readonly MountPoint[];
  /** What lies beneath the container's own files at its root. */
  readonly #base: string;
  /** The container's own files at its root. */
  readonly #own: string;
  #overlays = 0;

  constructor(
    { root, skeleton, folder }: { root: string; skeleton: string; folder: string },
    image: ImageFiles,
    mounts: readonly Mount[],
  ) {
    this.#root = root;
    this.#folder = folder;
    this.#image = image;
    this.#base = image.complete && image.root !== undefined ? image.root : skeleton;
    this.#own = join(folder, 'upper', '1');
    const points = mounts.map((mount) => ({
      path: image.complete ? mount.target : withoutLinks(mount.target),
      isFile: statSync(mount.source).isFile(),
      mount,
    }));
    this.#points = points.sort((left, right) => left.path.split('/').length - right.path.split('/').length);
  }

  build(): void {
    this.#overlay('/', [this.#base]);
    if (this.#image.complete) makeSystemFolders(this.#own);
    else this.#assembleChildren('/', this.#image.root);
    this.#addSystem();
    for (const point of this.#points) this.#addMount(point);
  }

  /** Makes `path` of the machine visible in the root, with room for what the image and the mounts put there. */
  #assemble(path: string): void {
    const inImage = this.#image.root === undefined ? undefined : join(this.#image.root, path);
    const layer = inImage !== undefined && existsSync(inImage) ? inImage : undefined;
    const onMachine = lstatSync(path, { throwIfNoEntry: false });
    if (layer !== undefined && !statSync(layer).isDirectory()) copyFileSync(layer, join(this.#own, path));
    else if (onMachine === undefined || !existsSync(path)) {
      if (layer !== undefined) this.#overlay(path, [layer]);
    } else if (layer === undefined && onMachine.isSymbolicLink()) this.#link(path);
    else if (layer === undefined && !this.#isPointMissing(path)) {
      this.#makeIn(path, !onMachine.isDirectory());
      this.#add(path, join(this.#root, path), 'none', 'rbind');
    } else if (canBeOverlaid(path, this.#folder)) {
      this.#overlay(path, layer === undefined ? [path] : [layer, realpathSync(path)]);
    } else {
      this.#makeIn(path, false);
      this.#assembleChildren(path, layer);
    }
  }

  /** Whether a folder of the machine, which comes into the root as it is, brings this place. */
  #isOnMachine(path: string): boolean {
    return !this.#image.complete && !ownFolders.includes(path.split('/')[1] ?? '') && existsSync(path);
  }

  /** Whether a mount needs a place below `path` that the machine does not have. */
  #isPointMissing(path: string): boolean {
    return this.#points.some((point) => isBelow(point.path, path) && !existsSync(point.path));
  }

  #assembleChildren(path: string, layer: string | undefined): void {
    const below = this.#points.filter((point) => isBelow(point.path, path) && point.path !== path);
    const names = below.map((point) => relative(path, point.path).split('/')[0] ?? '');
    const ofLayer = layer === undefined ? [] : readdirSync(layer);
    for (const name of new Set([...readdirSync(path), ...ofLayer, ...names])) {
      if (path !== '/' || !ownFolders.includes(name)) this.#assemble(join(path, name));
    }
  }

  /** The lower folders as one at `path`; what is written goes to the container's folder. Mount points are made there too. */
  #overlay(path: string, lower: readonly string[]): void {
    this.#overlays += 1;
    const upper = join(this.#folder, 'upper', String(this.#overlays));
    const work = join(this.#folder, 'work', String(this.#overlays));
    for (const folder of [upper, work]) mkdirSync(folder, { recursive: true });
    if (path !== '/') this.#makeIn(path, false);
    const target = join(this.#root, path);
    this.#add('overlay', target, 'overlay', `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`);
    for (const point of this.#points) {
      if (!isBelow(point.path, path) || (path === '/' && this.#isOnMachine(point.path))) continue;
      const inside = relative(path, point.path);
      if (lower.some((layer) => existsSync(join(layer, inside)))) continue;
      makePoint(join(upper, inside), point.isFile);
    }
  }

  /** Makes sure that there is a folder, or a file, to mount over in the container's root. */
  #makeIn(path: string, isFile: boolean): void {
    const found = lstatSync(join(this.#base, path), { throwIfNoEntry: false });
    if (found === undefined || found.isSymbolicLink()) makePoint(join(this.#own, path), isFile);
  }

  #link(path: string): void {
    if (lstatSync(join(this.#base, path), { throwIfNoEntry: false }) === undefined)
      symlinkSync(readlinkSync(path), join(this.#own, path));
  }

  #addSystem(): void {
    this.#add('proc', join(this.#root, 'proc'), 'proc', 'defaults');
    this.#add('/sys', join(this.#root, 'sys'), 'none', 'rbind');
    for (const device of deviceNames)
      this.#add(`/dev/${device}`, join(this.#root, 'dev', device), 'none', 'bind');
    this.#add('/dev/pts', join(this.#root, 'dev/pts'), 'none', 'rbind');
  }

  /** A mount point inside another mount is made in that one's source. */
  #addMount({ path, isFile, mount }: MountPoint): void {
    const outer = this.#points.findLast((other) => other.path !== path && isBelow(path, other.path));
    if (outer !== undefined) makePoint(join(outer.mount.source, relative(outer.path, path)), isFile);
    this.#add(mount.source, join(this.#root, path), 'none', mount.readOnly ? 'rbind,ro' : 'rbind');
  }

  /** A line of fstab(5), which writes blanks as octal numbers. */
  #add(...fields: [source: string, target: string, type: string, options: string]): void {
    const escaped = fields.map((field) =>
      field.replaceAll('\\', '\\134').replaceAll(' ', '\\040').replaceAll('\t', '\\011'),
    );
    this.lines.push(`${escaped.join(' ')} 0 0`);
  }
}

/** The path with the symbolic links of the machine resolved: a mount would follow them out of the container's root. */
function withoutLinks(path: string): string {
  let existing = path;
  while (!existsSync(existing) && existing !== '/') existing = dirname(existing);
  return join(realpathSync(existing), relative(existing, path));
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

function makePoint(path: string, isFile: boolean): void {
  if (existsSync(path)) return;
  mkdirSync(isFile ? dirname(path) : path, { recursive: true });
  if (isFile) closeSync(openSync(path, 'a'));
}

function makeSystemFolders(root: string): void {
  for (const name of ownFolders) mkdirSync(join(root, name), { recursive: true });
  const dev = join(root, 'dev');
  for (const name of [...deviceNames, terminationLogName]) makePoint(join(dev, name), true);
  for (const name of ['pts', 'shm']) mkdirSync(join(dev, name), { recursive: true });
  for (const shared of [join(root, 'tmp'), join(dev, 'shm')]) chmodSync(shared, 0o1777);
  for (const [name, to] of Object.entries(deviceLinks)) symlinkSync(to, join(dev, name));
}

/** Whether overlayfs takes `path` as a lower folder: nothing may be mounted below it, nor may the container's own folder lie there. */
function canBeOverlaid(path: string, folder: string): boolean {
  const real = realpathSync(path);
  if (isBelow(realpathSync(folder), real)) return false;
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return !mounted.some((line) => {
    const point = line.split(' ')[4] ?? '';
    return point !== real && isBelow(point, real);
  });
}
