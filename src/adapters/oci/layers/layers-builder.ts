import { defined } from '../../../base/defined.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BuildError,
  type Builder,
  type BuildProgress,
  type BuildRequest,
  type BuiltImage,
  type OpenBuildContext,
} from '../../../ports/builder.ts';
import type { CallOptions } from '../../../ports/cluster.ts';
import { RegistryHttp, type RegistryHttpOptions } from '../registry-http.ts';
import { checkPush, repositoryOf } from '../distribution-registry.ts';
import { baseNameLabel, buildLayers, planLayers } from './build-layers.ts';
import { LayerWorkshop } from './layer-workshop.ts';
import { pushImage } from './push-layers.ts';
import { Spool } from './spool.ts';
import type { StageImage } from './stage-image.ts';

/** What the layers builder is made of. */
export interface LayersBuilderOptions extends RegistryHttpOptions {
  openContext: OpenBuildContext;
  /**
   * What becomes of a base image that its registry does not have: `fail`, or `empty`: an empty image stands for it and
   * keeps its name in the label `org.opencontainers.image.base.name`.
   */
  missingBase: 'empty' | 'fail';
}

/**
 * Builds without an engine: lays files on a base image and pushes the layers. It runs no commands, so a Dockerfile with
 * RUN is refused. The same input gives the same digest. What it needs on disk lies in a folder of its own under the
 * system's temporary one and goes with the build.
 */
export function layersBuilder(settings: LayersBuilderOptions): Builder {
  return {
    name: 'layers',
    unavailable: () => Promise.resolve(undefined),
    buildAndPush: async (request, options) => {
      const http = new RegistryHttp({
        ...settings,
        onRetry: (failure, delayMs) =>
          options.onProgress(`${failure.message}; trying again in ${String(Math.round(delayMs))} ms`),
      });
      const folder = await mkdtemp(join(tmpdir(), 'slipway-layers-'));
      try {
        return await buildIn(folder, { settings, request, http }, options);
      } finally {
        await rm(folder, { recursive: true, force: true });
        await http.close();
      }
    },
  };
}

async function buildIn(
  folder: string,
  { settings, request, http }: { settings: LayersBuilderOptions; request: BuildRequest; http: RegistryHttp },
  options: CallOptions & { onProgress: BuildProgress },
): Promise<BuiltImage> {
  const seconds = sourceDateEpoch(request);
  const repository = repositoryOf(request.repository, request.credentials);
  const spool = await Spool.create(join(folder, 'spool'));
  const context = await settings.openContext(request, options);
  try {
    const plan = planLayers(request, context.dockerfileText);
    await checkPush(http, repository, options);
    const workshop = new LayerWorkshop({ http, folder, spool, mtime: seconds, signal: options.signal });
    const created = new Date(seconds * 1000).toISOString();
    const build = { request, context, http, workshop, missingBase: settings.missingBase, created };
    const image = await buildLayers(build, plan, options);
    label(image, request.labels);
    const to = { repository, tags: request.tags, annotations: annotationsOf(image) };
    const { digest, bytes } = await pushImage(image, to, { http, ...options });
    return { repository: request.repository, tags: request.tags, digest, bytes };
  } finally {
    await spool.close();
  }
}

/** https://reproducible-builds.org/specs/source-date-epoch/ ; else the beginning of time, as other such builders have it. */
function sourceDateEpoch({ buildArguments }: BuildRequest): number {
  const text = buildArguments['SOURCE_DATE_EPOCH'] ?? '0';
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new BuildError(`SOURCE_DATE_EPOCH is "${text}", not a number of seconds since 1970`);
}

/** Sorted, so that the order of the file's keys makes no other digest. */
function label(image: StageImage, labels: Readonly<Record<string, string>>): void {
  const all = Object.entries({ ...image.config.Labels, ...labels });
  if (all.length > 0) image.config.Labels = Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The labels that have a meaning for every tool, and the base. */
function annotationsOf(image: StageImage): Record<string, string> {
  const { name, digest } = image.base;
  const common = Object.entries(image.config.Labels ?? {}).filter(([key]) =>
    key.startsWith('org.opencontainers.image.'),
  );
  return {
    ...Object.fromEntries(common),
    ...defined({ [baseNameLabel]: name, 'org.opencontainers.image.base.digest': digest }),
  };
}
