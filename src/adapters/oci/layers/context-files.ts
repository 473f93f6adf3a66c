import type { Readable } from 'node:stream';
import { BuildError } from '../../../ports/builder.ts';
import { FileTree, type FileNode } from './file-tree.ts';
import { cleanPath, readTar } from './read-tar.ts';
import type { Spool } from './spool.ts';

/** The permission bits that a tar header carries. */
const permissions = 0o7777;

/**
 * Takes a build context apart: the bytes of its files into the spool, the rest into a tree. A hard link becomes a file
 * with the same bytes. What is not wanted by any instruction is not kept.
 */
export async function readContextFiles(
  tar: Readable,
  spool: Spool,
  wanted: (path: string) => boolean,
): Promise<FileTree> {
  const tree = new FileTree();
  for await (const { path, header, stream } of readTar(tar)) {
    if (path === '' || !wanted(path)) {
      stream.resume();
      continue;
    }
    const owner = { mode: header.mode & permissions, uid: header.uid, gid: header.gid };
    switch (header.type) {
      case 'file':
      case 'contiguous-file': {
        const { offset, size } = await spool.append(stream as AsyncIterable<Buffer>);
        tree.set(path, { type: 'file', ...owner, size, content: { in: 'spool', offset } });
        break;
      }
      case 'directory':
        tree.set(path, { type: 'directory', ...owner });
        break;
      case 'symlink':
        tree.set(path, { type: 'symlink', ...owner, target: header.linkname });
        break;
      case 'link':
        tree.set(path, linked(tree, path, header.linkname));
        break;
      default:
        break;
    }
    stream.resume();
  }
  return tree;
}

function linked(tree: FileTree, path: string, target: string): FileNode {
  const node = tree.get(cleanPath(target));
  if (node?.type === 'file') return node;
  throw new BuildError(`"${path}" of the build context is a hard link to "${target}", which is not in it`);
}
