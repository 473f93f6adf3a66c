import { defined } from '../../base/defined.ts';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import * as z from '../../base/zod.ts';
import type { BuildProgress, BuildRequest } from '../../ports/builder.ts';
import { buildFailure } from './engine-errors.ts';
import { engineMessages, type EngineMessage } from './engine-messages.ts';

/** How one image is built. */
export interface ImageBuild {
  request: BuildRequest;
  /** Name of the Dockerfile in the context. */
  dockerfile: string;
  /** The context. */
  tar: Readable;
  /** Tag in the engine that keeps the image as cache. */
  tag: string;
  buildKit: boolean;
}

/**
 * Sends the context to the engine's build endpoint and follows the build to its end.
 * https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
 * @returns the id of the image in the engine
 * @throws BuildError with the failing step, RegistryError, BuilderUnavailableError, or what broke the context's stream
 */
export async function buildImage(
  engine: Docker,
  build: ImageBuild,
  options: { signal: AbortSignal; onProgress: BuildProgress },
): Promise<string> {
  const { tar } = build;
  let contextError: Error | undefined;
  tar.once('error', (error) => (contextError = error));
  try {
    const body = await engine.buildImage(tar, buildOptions(build, options.signal));
    return await followBuild(engineMessages(engine, body, options.signal), options.onProgress);
  } catch (error) {
    throw contextError ?? refusal(error) ?? error;
  } finally {
    tar.destroy();
  }
}

/** 400: the engine read the Dockerfile or the request and found it wrong. */
function refusal(error: unknown): Error | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || error.statusCode !== 400) return undefined;
  const said =
    'json' in error ? z.looseObject({ message: z.string() }).safeParse(error.json).data : undefined;
  return buildFailure(said?.message ?? error.message, undefined);
}

/** Query and headers; dockerode writes objects as JSON. */
function buildOptions(
  { request, dockerfile, tag, buildKit }: ImageBuild,
  signal: AbortSignal,
): Docker.ImageBuildOptions {
  const inlineCache = buildKit && request.cacheFrom.length > 0 ? { BUILDKIT_INLINE_CACHE: '1' } : {};
  const host = request.repository.split('/')[0] ?? '';
  return {
    t: tag,
    dockerfile,
    buildargs: { ...inlineCache, ...request.buildArguments },
    labels: request.labels,
    rm: true,
    forcerm: true,
    abortSignal: signal,
    version: buildKit ? '2' : '1',
    ...defined({ target: request.target, platform: request.platform }),
    ...(request.cacheFrom.length === 0 ? {} : { cachefrom: JSON.stringify(request.cacheFrom) }),
    // Only for the host that they belong to. With BuildKit, dockerode's session would hand them to any registry that
    // asks, so there they are not given: private base images are pulled before (pull-image.ts).
    ...(request.credentials === undefined || buildKit
      ? {}
      : { registryconfig: { [host]: request.credentials } }),
  };
}

async function followBuild(
  messages: AsyncIterable<EngineMessage>,
  onProgress: BuildProgress,
): Promise<string> {
  let step: string | undefined;
  let imageId: string | undefined;
  for await (const message of messages) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw buildFailure(failure, step);
    imageId = imageIdOf(message) ?? imageId;
    for (const line of progressLines(message)) {
      step = stepOf(line) ?? step;
      await onProgress(line);
    }
  }
  if (imageId === undefined) throw buildFailure('the engine ended the build without an image', step);
  return imageId;
}

function imageIdOf(message: EngineMessage): string | undefined {
  const { aux } = message;
  if (typeof aux !== 'object' || aux === null || !('ID' in aux)) return undefined;
  return typeof aux.ID === 'string' ? aux.ID : undefined;
}

/** `Step 2/5 : RUN make` (classic) or `[2/5] RUN make` (BuildKit), as `2/5 "RUN make"`. */
function stepOf(line: string): string | undefined {
  const found = /^Step (\d+\/\d+) : (.*)$/.exec(line) ?? /^\[(?:\S+ )?(\d+\/\d+)\] (.*)$/.exec(line);
  return found === null ? undefined : `${found[1] ?? ''} "${found[2] ?? ''}"`;
}

/** The lines for people in a message; progress bars are left out. */
export function progressLines(message: EngineMessage): string[] {
  const { id, progress, status } = message;
  if (status !== undefined && (progress === undefined || progress === '')) {
    return [id === undefined ? status : `${id}: ${status}`];
  }
  return (message.stream ?? '')
    .split(/[\r\n]+/)
    .map((line) => line.replace(/^\[sha256:[0-9a-f]*\] /, '').trimEnd())
    .filter((line) => line.trim() !== '');
}
