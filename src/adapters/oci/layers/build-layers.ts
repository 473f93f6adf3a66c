import { InternalError } from '../../../base/errors.ts';
import type { BuildContext, BuildProgress, BuildRequest } from '../../../ports/builder.ts';
import { RegistryError } from '../../../ports/registry.ts';
import { buildStages, neededStages, type BuildStage, type BuildStages } from '../dockerfile/build-stages.ts';
import { parseJsonForm, type Variables } from '../dockerfile/expand-words.ts';
import { instructionError, readDockerfile, type Instruction } from '../dockerfile/read-dockerfile.ts';
import { parseImageReference } from '../../../base/image-reference.ts';
import type { RegistryHttp } from '../registry-http.ts';
import { emptyBase, fetchBase, type BaseImage } from './base-image.ts';
import { checkStages } from './check-stages.ts';
import type { FileTree } from './file-tree.ts';
import { parsePlatform, type Platform } from './image-config.ts';
import type { LayerWorkshop } from './layer-workshop.ts';
import { StageBuild } from './stage-build.ts';
import { StageImage } from './stage-image.ts';

/** Label that names the base image; https://github.com/opencontainers/image-spec/blob/main/annotations.md */
export const baseNameLabel = 'org.opencontainers.image.base.name';

/** What a build by layers is made of. */
export interface LayersBuild {
  request: BuildRequest;
  context: BuildContext;
  http: RegistryHttp;
  workshop: LayerWorkshop;
  missingBase: 'empty' | 'fail';
  /** RFC 3339 */
  created: string;
}

interface Options {
  signal: AbortSignal;
  onProgress: BuildProgress;
}

/** What will be done, as far as the Dockerfile and the request tell. */
export interface LayersPlan extends BuildStages {
  escape: string;
  platform: Platform;
  /** Build arguments, those of the platform among them. */
  given: Variables;
  /** Indices of the stages that the target needs, itself last. */
  needed: readonly number[];
}

/** Reads the Dockerfile and refuses what cannot be done; nothing is fetched. @throws BuildError */
export function planLayers(request: BuildRequest, dockerfileText: string): LayersPlan {
  const dockerfile = readDockerfile(dockerfileText);
  const platform = parsePlatform(request.platform);
  const given = new Map([...platformArguments(platform), ...Object.entries(request.buildArguments)]);
  const plan = buildStages(dockerfile, given, request.target);
  const needed = neededStages(plan.stages, plan.target);
  checkStages(plan.stages, needed);
  return { ...plan, escape: dockerfile.escape, platform, given, needed };
}

/**
 * Does what the Dockerfile says, stage by stage, and only the stages that the target needs.
 * @returns the image of the target stage, not yet pushed
 * @throws BuildError, RegistryError
 */
export async function buildLayers(
  build: LayersBuild,
  plan: LayersPlan,
  options: Options,
): Promise<StageImage> {
  const { needed, platform } = plan;
  const files = new SourceFiles(build, plan, needed, options);
  const images = new Map<number, StageImage>();
  for (const index of needed) {
    const stage = plan.stages[index];
    if (stage === undefined) continue;
    await options.onProgress(`[${stage.name}] FROM ${stage.from.text}`);
    const image = await startImage(build, { stage, platform, images, files }, options);
    const stageContext = {
      ...plan,
      index,
      contextFiles: () => files.context(),
      stageFiles: (other: number) => filesOf(images, other),
      imageFiles: (reference: string, instruction: Instruction) =>
        files.image(reference, platform, instruction),
      peek: build.workshop.peek.bind(build.workshop),
    };
    const run = new StageBuild(stage, image, stageContext);
    for (const instruction of stage.instructions) {
      await options.onProgress(`[${stage.name}] ${instruction.keyword} ${instruction.text}`);
      options.signal.throwIfAborted();
      await run.run(instruction);
    }
    await image.finish();
    images.set(index, image);
  }
  const image = images.get(plan.target);
  if (image === undefined) throw new InternalError('the target of the Dockerfile was not built');
  return image;
}

/** A stage that is copied from is among those needed, and comes before. */
function filesOf(images: ReadonlyMap<number, StageImage>, index: number): Promise<FileTree> {
  const image = images.get(index);
  if (image === undefined)
    throw new InternalError(`stage ${String(index)} was not built before it was copied from`);
  return image.files();
}

async function startImage(
  build: LayersBuild,
  from: {
    stage: BuildStage;
    platform: Platform;
    images: ReadonlyMap<number, StageImage>;
    files: SourceFiles;
  },
  options: Options,
): Promise<StageImage> {
  const { stage, images, files } = from;
  const platform = stage.platform === undefined ? from.platform : parsePlatform(stage.platform);
  const imageOptions = { created: build.created, writeLayer: build.workshop.write.bind(build.workshop) };
  const start = (base: BaseImage) =>
    StageImage.fromBase(base, () => build.workshop.baseFiles(base), imageOptions);
  switch (stage.base.type) {
    case 'scratch':
      return start(emptyBase(platform));
    case 'stage': {
      const other = images.get(stage.base.index);
      if (other === undefined) throw instructionError(stage.from, 'the stage comes later in the Dockerfile');
      return StageImage.fromStage(other);
    }
    case 'image': {
      const { reference } = stage.base;
      const base = await files.base(reference, platform);
      if (base !== undefined) {
        if ((base.config.config?.OnBuild ?? []).length === 0) return start(base);
        throw instructionError(
          stage.from,
          `${reference} has ONBUILD instructions`,
          'use image.builder: docker',
        );
      }
      return standIn(build, { stage, reference, platform, start }, options);
    }
  }
}

/** An empty image in place of a base that its registry does not have, if that is allowed; its name goes with it. */
async function standIn(
  build: LayersBuild,
  missing: {
    stage: BuildStage;
    reference: string;
    platform: Platform;
    start: (base: BaseImage) => StageImage;
  },
  { onProgress }: Options,
): Promise<StageImage> {
  const { stage, reference, platform, start } = missing;
  const { host } = parseImageReference(reference);
  if (build.missingBase === 'fail') {
    throw instructionError(
      stage.from,
      `${host} does not have the image ${reference}`,
      'check its name, and image.credentials if it is private',
    );
  }
  await onProgress(`[${stage.name}] ${reference} is not in its registry: using an empty image instead`);
  const image = start(emptyBase(platform, reference));
  image.config.Labels = { [baseNameLabel]: reference };
  return image;
}

/** The trees that COPY takes from, each read once. */
class SourceFiles {
  readonly #build: LayersBuild;
  readonly #wanted: (path: string) => boolean;
  readonly #options: Options;
  readonly #bases = new Map<string, Promise<BaseImage | undefined>>();
  readonly #images = new Map<string, Promise<FileTree>>();
  #context: Promise<FileTree> | undefined;

  constructor(build: LayersBuild, plan: BuildStages, needed: readonly number[], options: Options) {
    this.#build = build;
    this.#wanted = wantedPaths(plan, needed, build.context.hidden);
    this.#options = options;
  }

  context(): Promise<FileTree> {
    this.#context ??= this.#build.workshop.readContext(this.#build.context, this.#wanted);
    return this.#context;
  }

  base(reference: string, platform: Platform): Promise<BaseImage | undefined> {
    const { http, request } = this.#build;
    const key = `${reference} ${JSON.stringify(platform)}`;
    const sameHost = parseImageReference(reference).host === parseImageReference(request.repository).host;
    const credentials = sameHost ? request.credentials : undefined;
    const found =
      this.#bases.get(key) ?? fetchBase(http, { reference, platform, credentials }, this.#options);
    this.#bases.set(key, found);
    return found;
  }

  async image(reference: string, platform: Platform, instruction: Instruction): Promise<FileTree> {
    const base = await this.base(reference, platform).catch((error: unknown) => {
      if (error instanceof RegistryError) throw error;
      throw instructionError(instruction, `--from=${reference} is neither a stage nor an image`);
    });
    if (base === undefined)
      throw instructionError(
        instruction,
        `--from=${reference} is neither a stage nor an image that its registry has`,
      );
    const files = this.#images.get(reference) ?? this.#build.workshop.baseFiles(base);
    this.#images.set(reference, files);
    return files;
  }
}

/** Only what some COPY can take is kept of the context, where the Dockerfile tells it plainly. */
function wantedPaths(
  { stages }: BuildStages,
  needed: readonly number[],
  hidden: readonly string[],
): (path: string) => boolean {
  const sources = needed.flatMap((index) =>
    (stages[index]?.instructions ?? [])
      .filter(
        ({ keyword, flags }) => /^(?:COPY|ADD)$/.test(keyword) && !flags.some(({ name }) => name === 'from'),
      )
      .flatMap(({ text }) => (parseJsonForm(text) ?? text.split(/\s+/)).slice(0, -1)),
  );
  const prefixes = sources.map((source) => source.replace(/^(?:\.?\/)+|\/+$/g, ''));
  const all = prefixes.some((prefix) => prefix === '' || prefix === '.' || /[$*?[\]\\'"]|\.\./.test(prefix));
  return (path) =>
    !hidden.includes(path) &&
    (all || prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)));
}

function platformArguments({ os, architecture, variant }: Platform): [string, string][] {
  const text = [os, architecture, variant].filter((part) => part !== undefined).join('/');
  const values: [string, string][] = [
    ['PLATFORM', text],
    ['OS', os],
    ['ARCH', architecture],
    ['VARIANT', variant ?? ''],
  ];
  return values.flatMap(([name, value]): [string, string][] => [
    [`TARGET${name}`, value],
    [`BUILD${name}`, value],
  ]);
}
