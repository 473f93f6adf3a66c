import { posix } from 'node:path';
import { compileGlob } from '../../../base/glob.ts';
import { instructionError, type Instruction } from '../dockerfile/read-dockerfile.ts';
import type { FileNode, FileTree } from './file-tree.ts';

/** A COPY or ADD, its variables replaced. */
export interface CopyRequest {
  instruction: Instruction;
  sources: readonly string[];
  /** As it is written: whether it ends with `/` matters. */
  destination: string;
  workingDirectory: string;
  /** The build context, or the files of another stage or image. */
  from: FileTree;
  /** The files that the stage has so far. */
  into: FileTree;
  owner: { uid: number; gid: number };
  /** `--chmod`; missing: as the sources have it. */
  mode?: number;
}

/**
 * What a COPY puts into its layer: the files, and every folder above them as it is in the image, or as a new one.
 * A folder is copied with what is in it and not itself; a symbolic link that is named is followed, one below is kept.
 * https://docs.docker.com/reference/dockerfile/#copy
 * @throws BuildError
 */
export function copyFiles(request: CopyRequest): Map<string, FileNode> {
  const { instruction, from } = request;
  const found = request.sources.flatMap((source) => matches(instruction, source, from));
  const target = destinationOf(request, found.length > 1);
  const entries = new Map<string, FileNode>();
  for (const path of found) {
    const actual = resolveIn(instruction, from, path, 'follow');
    const node = from.get(actual);
    if (node === undefined) throw instructionError(instruction, `${path} is a dangling symbolic link`);
    if (node.type === 'directory') copyFolder(request, { folder: actual, target: target.path }, entries);
    else put(request, entries, target.isFolder ? join(target.path, posix.basename(path)) : target.path, node);
  }
  return withParents(request, entries);
}

/** Paths of the source tree that a source names; `*`, `?` and `[…]` stay within one name. */
function matches(instruction: Instruction, source: string, from: FileTree): string[] {
  const pattern = posix.normalize(`/${source}`).replace(/^\/+|\/+$/g, '');
  if (from.get(pattern) !== undefined) return [pattern];
  const actual = resolveIn(instruction, from, pattern, 'keep');
  if (from.get(actual) !== undefined) return [actual];
  const found = /[*?[\\]/.test(pattern) ? glob(pattern, from) : [];
  if (found.length > 0) return found;
  throw instructionError(
    instruction,
    `${source} is not in the source`,
    'is it there, and not excluded by .dockerignore?',
  );
}

function glob(pattern: string, from: FileTree): string[] {
  const fits = compileGlob(pattern, { dot: true, plain: true });
  return [...from.below()].flatMap(([path]) => (fits(path) ? [path] : [])).sort();
}

function destinationOf(
  { instruction, destination, workingDirectory, into }: CopyRequest,
  several: boolean,
): { path: string; isFolder: boolean } {
  const named = /(?:^|\/)\.{0,2}$/.test(destination);
  if (several && !named) {
    throw instructionError(instruction, `several files are copied: ${destination} has to end with /`);
  }
  const absolute = posix.resolve('/', workingDirectory, destination).slice(1);
  const path = resolveIn(instruction, into, absolute, 'follow');
  const there = into.get(path);
  if (named && there !== undefined && there.type !== 'directory') {
    throw instructionError(instruction, `${destination} is not a folder in the image`);
  }
  return { path, isFolder: named || there?.type === 'directory' };
}

function copyFolder(
  request: CopyRequest,
  { folder, target }: { folder: string; target: string },
  entries: Map<string, FileNode>,
): void {
  const { instruction, from, into } = request;
  const there = into.get(target);
  if (there !== undefined && there.type !== 'directory') {
    throw instructionError(
      instruction,
      `/${target} is not a folder in the image, ${folder === '' ? 'the source' : folder} is one`,
    );
  }
  if (there === undefined) put(request, entries, target, { type: 'directory', mode: 0o755, uid: 0, gid: 0 });
  const start = folder === '' ? 0 : folder.length + 1;
  for (const [path, node] of from.below(folder)) put(request, entries, join(target, path.slice(start)), node);
}

function put(request: CopyRequest, entries: Map<string, FileNode>, path: string, node: FileNode): void {
  const mode = node.type === 'symlink' ? node.mode : (request.mode ?? node.mode);
  if (path !== '') entries.set(path, { ...node, ...request.owner, mode });
}

/** Engines give folders that a layer does not name modes of their own: so every one is named. */
function withParents(request: CopyRequest, entries: Map<string, FileNode>): Map<string, FileNode> {
  const { into, owner } = request;
  for (const path of [...entries.keys()]) {
    for (let folder = parent(path); folder !== '' && !entries.has(folder); folder = parent(folder)) {
      entries.set(folder, into.get(folder) ?? { type: 'directory', mode: 0o755, ...owner });
    }
  }
  return entries;
}

function resolveIn(instruction: Instruction, tree: FileTree, path: string, last: 'follow' | 'keep'): string {
  try {
    return tree.resolve(path, last);
  } catch (error) {
    throw instructionError(instruction, error instanceof Error ? error.message : String(error));
  }
}

function parent(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
