import { defined } from '../../../base/defined.ts';
import type { Instruction } from '../dockerfile/read-dockerfile.ts';
import type { BaseImage, BaseLayer } from './base-image.ts';
import type { FileNode, FileTree } from './file-tree.ts';
import type { HistoryEntry, ImageConfig, RunConfig } from './image-config.ts';
import type { LayerEntries, WrittenLayer } from './write-layer.ts';

/** A layer of the image: one of its base's, or one made here. */
export type ImageLayer =
  { from: 'base'; layer: BaseLayer; diffId: string } | { from: 'build'; layer: WrittenLayer; diffId: string };

/** What an image that is being built needs. */
export interface StageImageOptions {
  /** RFC 3339; the time that everything made here carries. */
  created: string;
  writeLayer(entries: LayerEntries): Promise<WrittenLayer>;
}

/** The image of a stage while it is being made: configuration, layers and files. */
export class StageImage {
  readonly base: BaseImage;
  readonly config: RunConfig;
  readonly layers: ImageLayer[];
  readonly history: Record<string, unknown>[];
  author: string | undefined;
  readonly #platform: ImageConfig;
  readonly #options: StageImageOptions;
  readonly #startFiles: () => Promise<FileTree>;
  #files: Promise<FileTree> | undefined;
  #prepared = new Map<string, FileNode>();

  private constructor(
    start: {
      base: BaseImage;
      config: ImageConfig;
      layers: readonly ImageLayer[];
      files: () => Promise<FileTree>;
    },
    options: StageImageOptions,
  ) {
    this.base = start.base;
    this.#platform = start.config;
    this.config = structuredClone(start.config.config ?? {});
    this.layers = [...start.layers];
    this.history = structuredClone(start.config.history ?? []);
    this.author = start.config.author;
    this.#startFiles = start.files;
    this.#options = options;
  }

  /** Begins with an image of a registry, or nothing. `files` lists the files of the base, when they are asked for. */
  static fromBase(base: BaseImage, files: () => Promise<FileTree>, options: StageImageOptions): StageImage {
    const diffIds = base.config.rootfs.diff_ids ?? [];
    const layers = base.layers.map((layer, index): ImageLayer => {
      return { from: 'base', layer, diffId: diffIds[index] ?? '' };
    });
    return new StageImage({ base, config: base.config, layers, files }, options);
  }

  /** Begins with what another stage has become. */
  static fromStage(stage: StageImage): StageImage {
    const config = { ...stage.toConfig() };
    return new StageImage(
      { base: stage.base, config, layers: stage.layers, files: () => stage.files() },
      stage.#options,
    );
  }

  /** Every file that the image has so far. */
  files(): Promise<FileTree> {
    this.#files ??= this.#startFiles().then((files) => files.copy());
    return this.#files;
  }

  /** Folders that come with the next layer, or one of their own at the end. */
  async prepare(entries: LayerEntries): Promise<void> {
    const files = await this.files();
    for (const [path, node] of entries) {
      this.#prepared.set(path, node);
      files.set(path, node);
    }
  }

  /** Writes a layer with the prepared folders and the entries. */
  async addLayer(instruction: Pick<Instruction, 'keyword' | 'text'>, entries: LayerEntries): Promise<void> {
    const all = new Map([...this.#prepared, ...entries]);
    this.#prepared = new Map();
    const files = await this.files();
    // Folders first, so that they do not take away what lies in them.
    for (const [path, node] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) files.set(path, node);
    const layer = await this.#options.writeLayer(all);
    this.layers.push({ from: 'build', layer, diffId: layer.diffId });
    this.history.push(this.#historyOf(instruction));
  }

  /** Notes an instruction that makes no layer. */
  note(instruction: Pick<Instruction, 'keyword' | 'text'>): void {
    this.history.push({ ...this.#historyOf(instruction), empty_layer: true });
  }

  /** Writes what is prepared and not yet in a layer. */
  async finish(): Promise<void> {
    if (this.#prepared.size === 0) return;
    const [folder = ''] = [...this.#prepared.keys()].slice(-1);
    await this.addLayer({ keyword: 'WORKDIR', text: `/${folder}` }, new Map());
  }

  /** The configuration to be pushed; the same input gives the same bytes. */
  toConfig(): ImageConfig {
    const { architecture, os, variant } = this.#platform;
    return {
      created: this.#options.created,
      ...defined({ author: this.author }),
      architecture,
      os,
      ...defined({ variant }),
      config: this.config,
      rootfs: { type: 'layers', diff_ids: this.layers.map((layer) => layer.diffId) },
      history: this.history,
    };
  }

  #historyOf({
    keyword,
    text,
  }: Pick<Instruction, 'keyword' | 'text'>): HistoryEntry & Record<string, unknown> {
    return { created: this.#options.created, created_by: `${keyword} ${text}`, comment: 'slipway layers' };
  }
}
