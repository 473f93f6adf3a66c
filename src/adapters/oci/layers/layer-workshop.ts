import { join } from 'node:path';
import type { BuildContext } from '../../../ports/builder.ts';
import type { RegistryHttp } from '../registry-http.ts';
import { fetchFromLayer, listBaseFiles } from './base-files.ts';
import type { BaseImage, BaseLayer } from './base-image.ts';
import { readContextFiles } from './context-files.ts';
import type { FileNode, FileTree } from './file-tree.ts';
import type { Spool } from './spool.ts';
import { writeLayer, type LayerEntries, type WrittenLayer } from './write-layer.ts';

type File = Extract<FileNode, { type: 'file' }>;

/** What a workshop works with. */
export interface WorkshopOptions {
  http: RegistryHttp;
  /** A folder of the runner of its own; its maker deletes it. */
  folder: string;
  spool: Spool;
  /** Seconds since 1970, of every file. */
  mtime: number;
  signal: AbortSignal;
}

/** Where the bytes of a build lie: the context's in the spool, those of base images fetched into it when they are needed. */
export class LayerWorkshop {
  readonly #options: WorkshopOptions;
  readonly #layers = new Map<string, BaseLayer>();
  /** `digest path` to the offset in the spool. */
  readonly #fetched = new Map<string, number>();
  #written = 0;

  constructor(options: WorkshopOptions) {
    this.#options = options;
  }

  /** The files of the build context; see {@link readContextFiles}. */
  readContext(context: BuildContext, wanted: (path: string) => boolean): Promise<FileTree> {
    const { spool } = this.#options;
    const start = spool.length;
    return context.read(async (tar) => {
      await spool.cut(start); // what came of a transfer that broke
      return readContextFiles(tar, spool, wanted);
    });
  }

  /** The files of an image in a registry. */
  async baseFiles(base: BaseImage): Promise<FileTree> {
    for (const layer of base.layers) this.#layers.set(layer.descriptor.digest, layer);
    return listBaseFiles(this.#options.http, base.layers, this.#options);
  }

  /** The first bytes of a file. */
  async peek(node: File, bytes: number): Promise<Buffer> {
    const [there] = (await this.#bringHere(new Map([['', node]]))).values();
    const content = there?.type === 'file' ? there.content : undefined;
    return content?.in === 'spool'
      ? this.#options.spool.peek(content.offset, Math.min(bytes, node.size))
      : Buffer.alloc(0);
  }

  /** Writes a layer; see {@link writeLayer}. */
  async write(entries: LayerEntries): Promise<WrittenLayer> {
    const { folder, spool, mtime, signal } = this.#options;
    const here = await this.#bringHere(entries);
    this.#written += 1;
    return writeLayer(
      here,
      { path: join(folder, `layer-${String(this.#written)}`), spool, mtime },
      { signal },
    );
  }

  /** The same entries with all bytes in the spool. */
  async #bringHere(entries: LayerEntries): Promise<Map<string, FileNode>> {
    const wanted = new Map<string, Set<string>>();
    for (const node of entries.values()) {
      if (node.type !== 'file' || node.content.in === 'spool' || node.size === 0) continue;
      const { layer, path } = node.content;
      if (this.#fetched.has(`${layer.digest} ${path}`)) continue;
      wanted.set(layer.digest, (wanted.get(layer.digest) ?? new Set()).add(path));
    }
    for (const [digest, paths] of wanted) await this.#fetch(digest, paths);
    return new Map([...entries].map(([path, node]) => [path, this.#located(node)]));
  }

  async #fetch(digest: string, paths: ReadonlySet<string>): Promise<void> {
    const layer = this.#layers.get(digest);
    if (layer === undefined) return;
    for (const [path, offset] of await fetchFromLayer(this.#options.http, layer, paths, this.#options)) {
      this.#fetched.set(`${digest} ${path}`, offset);
    }
  }

  #located(node: FileNode): FileNode {
    if (node.type !== 'file' || node.content.in === 'spool') return node;
    const offset = this.#fetched.get(`${node.content.layer.digest} ${node.content.path}`);
    return offset === undefined ? node : { ...node, content: { in: 'spool', offset } };
  }
}
