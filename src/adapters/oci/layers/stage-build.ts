import { defined } from '../../../base/defined.ts';
import { posix } from 'node:path';
import { argumentsOf, expand, findStage, type BuildStage } from '../dockerfile/build-stages.ts';
import { parseJsonForm, type Variables } from '../dockerfile/expand-words.ts';
import { instructionError, type Instruction } from '../dockerfile/read-dockerfile.ts';
import { copyFiles } from './copy-files.ts';
import { fileMode, fileOwner } from './file-owner.ts';
import type { FileNode, FileTree } from './file-tree.ts';
import { environmentOf } from './image-config.ts';
import { describeImage } from './run-config.ts';
import type { StageImage } from './stage-image.ts';

/** What the instructions of a stage reach outside of it. */
export interface BuildStageContext {
  stages: readonly BuildStage[];
  index: number;
  escape: string;
  globalArguments: Variables;
  /** Build arguments of the request. */
  given: Variables;
  /** The files of the build context, without what is hidden from it. */
  contextFiles(): Promise<FileTree>;
  /** The files of an earlier stage. */
  stageFiles(index: number): Promise<FileTree>;
  /** The files of an image in a registry. */
  imageFiles(reference: string, instruction: Instruction): Promise<FileTree>;
  /** The first bytes of a file, wherever it is. */
  peek(node: Extract<FileNode, { type: 'file' }>, bytes: number): Promise<Buffer>;
}

/** Does what the instructions of one stage say, one after another, to its image. */
export class StageBuild {
  readonly #stage: BuildStage;
  readonly #image: StageImage;
  readonly #stageContext: BuildStageContext;
  readonly #arguments = new Map<string, string>();
  #hasOwnCommand = false;

  constructor(stage: BuildStage, image: StageImage, stageContext: BuildStageContext) {
    this.#stage = stage;
    this.#image = image;
    this.#stageContext = stageContext;
  }

  /** @throws BuildError, RegistryError */
  async run(instruction: Instruction): Promise<void> {
    switch (instruction.keyword) {
      case 'ARG':
        this.#declare(instruction);
        return;
      case 'MAINTAINER':
        this.#image.author = instruction.text;
        return;
      case 'WORKDIR':
        await this.#enter(instruction);
        return;
      case 'COPY':
      case 'ADD':
        await this.#copy(instruction);
        return;
      default:
        this.#describe(instruction);
    }
  }

  #describe(instruction: Instruction): void {
    const { config } = this.#image;
    const description = { config, hasOwnCommand: this.#hasOwnCommand, escape: this.#stageContext.escape };
    const variables = this.#variables();
    describeImage(instruction, description, (word) => this.#expand(instruction, word, variables));
    this.#hasOwnCommand = description.hasOwnCommand;
    this.#image.note(instruction);
  }

  #declare(instruction: Instruction): void {
    const { given, globalArguments, escape } = this.#stageContext;
    for (const [name, value] of argumentsOf(instruction, this.#variables(), escape)) {
      const chosen = given.get(name) ?? value ?? globalArguments.get(name);
      if (chosen !== undefined) this.#arguments.set(name, chosen);
    }
  }

  async #enter(instruction: Instruction): Promise<void> {
    const { config } = this.#image;
    const folder = this.#expand(instruction, instruction.text, this.#variables());
    if (folder === '') throw instructionError(instruction, 'it names no folder');
    config.WorkingDir = posix.resolve('/', config.WorkingDir ?? '/', folder);
    const into = await this.#image.files();
    const path = into.resolve(config.WorkingDir, 'follow');
    if (into.get(path) === undefined) {
      const folderNode: FileNode = { type: 'directory', mode: 0o755, uid: 0, gid: 0 };
      await this.#image.prepare(withFoldersAbove(path, folderNode, into));
    }
    this.#image.note(instruction);
  }

  async #copy(instruction: Instruction): Promise<void> {
    const variables = this.#variables();
    const words = parseJsonForm(instruction.text) ?? instruction.text.split(/\s+/);
    const expanded = words.map((word) => this.#expand(instruction, word, variables));
    const destination = expanded.pop() ?? '';
    if (expanded.length === 0 || destination === '') {
      throw instructionError(instruction, 'it needs a source and a destination');
    }
    if (instruction.keyword === 'ADD') checkPlainSources(instruction, expanded);
    const from = await this.#source(instruction, variables);
    const into = await this.#image.files();
    const flag = (name: string) => {
      const value = instruction.flags.find((one) => one.name === name)?.value;
      return value === undefined ? undefined : this.#expand(instruction, value, variables);
    };
    const owner = await fileOwner(instruction, flag('chown'), (path) => this.#readFile(into, path));
    const mode = fileMode(instruction, flag('chmod'));
    const entries = copyFiles({
      instruction,
      sources: expanded,
      destination,
      workingDirectory: this.#image.config.WorkingDir ?? '/',
      from,
      into,
      owner,
      ...defined({ mode }),
    });
    if (instruction.keyword === 'ADD') await this.#refuseArchives(instruction, entries);
    await this.#image.addLayer(instruction, entries);
  }

  async #source(instruction: Instruction, variables: Variables): Promise<FileTree> {
    const stageContext = this.#stageContext;
    const flag = instruction.flags.find((one) => one.name === 'from')?.value;
    if (flag === undefined) return stageContext.contextFiles();
    const name = this.#expand(instruction, flag, variables);
    const stage = findStage(stageContext.stages.slice(0, stageContext.index), name);
    if (stage !== undefined) return stageContext.stageFiles(stage);
    if (name === this.#stage.name) throw instructionError(instruction, 'a stage cannot copy from itself');
    return stageContext.imageFiles(name, instruction);
  }

  async #readFile(tree: FileTree, path: string): Promise<string | undefined> {
    const node = tree.get(tree.resolve(path, 'follow'));
    return node?.type === 'file'
      ? (await this.#stageContext.peek(node, node.size)).toString('utf8')
      : undefined;
  }

  /** Docker would unpack them; a copy as they are would be something else than what the Dockerfile says. */
  async #refuseArchives(instruction: Instruction, entries: ReadonlyMap<string, FileNode>): Promise<void> {
    for (const [path, node] of entries) {
      if (node.type === 'file' && node.size > 0 && isArchive(await this.#stageContext.peek(node, 512))) {
        throw instructionError(
          instruction,
          `/${path} is an archive, which ADD unpacks`,
          'unpack it in a run stage and COPY the files, or COPY it as it is',
        );
      }
    }
  }

  /** ENV has the last word over ARG. */
  #variables(): Variables {
    return new Map([...this.#arguments, ...environmentOf(this.#image.config)]);
  }

  #expand(instruction: Instruction, word: string, variables: Variables): string {
    return expand(instruction, word, variables, this.#stageContext.escape);
  }
}

function checkPlainSources(instruction: Instruction, sources: readonly string[]): void {
  const remote = sources.find((source) => /^(?:https?|ftp|git|ssh):\/\/|^git@/.test(source));
  if (remote !== undefined) {
    throw instructionError(
      instruction,
      `the layers builder fetches nothing: ${remote}`,
      'fetch it in a run stage and COPY it, or use image.builder: docker',
    );
  }
}

/** First bytes of gzip, bzip2, xz and zstd. */
const magicNumbers = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd'];

function isArchive(head: Buffer): boolean {
  const start = head.toString('hex');
  const isTar = head.toString('latin1', 257, 262) === 'ustar';
  return isTar || magicNumbers.some((magic) => start.startsWith(magic));
}

function withFoldersAbove(path: string, node: FileNode, into: FileTree): Map<string, FileNode> {
  const names = path.split('/');
  return new Map(
    names.map((_, index) => {
      const folder = names.slice(0, index + 1).join('/');
      return [folder, into.get(folder) ?? node];
    }),
  );
}
