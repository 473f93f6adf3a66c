/** Where a file's bytes are: in the spool, or in a layer of an image in a registry. */
type Content = { in: 'spool'; offset: number } | { in: 'layer'; layer: LayerLocation; path: string };

/** A layer in a registry, to be read again. */
interface LayerLocation {
  digest: string;
}

/** A file, folder or symbolic link of an image or a build context. */
export type FileNode =
  | { type: 'file'; mode: number; uid: number; gid: number; size: number; content: Content }
  | { type: 'directory'; mode: number; uid: number; gid: number }
  | { type: 'symlink'; mode: number; uid: number; gid: number; target: string };

const maxLinks = 40;
/** As of Linux: longer ones lead nowhere. */
const longestPath = 4096;

/** Files by their path, without `/` in front; the root is `''` and always there. Later ones hide earlier ones. */
export class FileTree {
  readonly #nodes = new Map<string, FileNode>();

  /** A tree with the same files, that can be changed by itself. */
  copy(): FileTree {
    const copy = new FileTree();
    for (const [path, node] of this.#nodes) copy.#nodes.set(path, node);
    return copy;
  }

  get(path: string): FileNode | undefined {
    return path === '' ? { type: 'directory', mode: 0o755, uid: 0, gid: 0 } : this.#nodes.get(path);
  }

  /**
   * A folder keeps what is in it; anything else takes the place of what was there, with all below. Folders above that
   * were not named are made.
   */
  set(path: string, node: FileNode): void {
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, Math.max(slash, 0));
    if (this.get(folder) === undefined) this.set(folder, { type: 'directory', mode: 0o755, uid: 0, gid: 0 });
    const before = this.#nodes.get(path);
    if (before?.type === 'directory' && node.type !== 'directory') this.remove(path);
    this.#nodes.set(path, node);
  }

  remove(path: string): void {
    this.#nodes.delete(path);
    this.empty(path);
  }

  /** Takes away what is below a folder. */
  empty(path: string): void {
    const prefix = path === '' ? '' : `${path}/`;
    for (const key of this.#nodes.keys()) if (key.startsWith(prefix)) this.#nodes.delete(key);
  }

  /** All paths, or those below a folder, in no special order. */
  *below(path = ''): Generator<[path: string, node: FileNode]> {
    const prefix = path === '' ? '' : `${path}/`;
    for (const entry of this.#nodes) if (entry[0].startsWith(prefix)) yield entry;
  }

  /**
   * Follows symbolic links in the folders of a path, and in its last name when `last` says so, as a process in the
   * image would. @throws Error when the links go in a circle
   */
  resolve(path: string, last: 'follow' | 'keep'): string {
    /** The next one last. */
    const rest = namesOf(path).reverse();
    let at: string[] = [];
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === '..') {
        at.pop();
        continue;
      }
      at.push(name);
      const node = this.#nodes.get(at.join('/'));
      if (node?.type !== 'symlink' || (rest.length === 0 && last === 'keep')) continue;
      links += 1;
      if (links > maxLinks || at.length + rest.length + node.target.length > longestPath) {
        throw new Error(`too many symbolic links at /${path}`);
      }
      at.pop();
      rest.push(...namesOf(node.target).reverse());
      if (node.target.startsWith('/')) at = [];
    }
    return at.join('/');
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
