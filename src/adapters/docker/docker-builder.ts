import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import type {
  Builder,
  BuildProgress,
  BuildRequest,
  BuiltImage,
  EngineAddress,
  OpenBuildContext,
} from '../../ports/builder.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { RegistryError, type Registry, type ResolveRegistryHost } from '../../ports/registry.ts';
import { buildImage } from './build-image.ts';
import { connectEngine } from './connect-engine.ts';
import type { EngineEnvironment } from './engine-address.ts';
import { engineUnavailable } from './engine-errors.ts';
import { engineNames, keepAsCache, removeImage } from './engine-images.ts';
import { pullNeeded } from './pull-image.ts';
import { pushTag, type PushOptions } from './push-image.ts';

/** What the docker builder is made of. */
export interface DockerBuilderOptions {
  address: EngineAddress;
  openContext: OpenBuildContext;
  /** Asked for the digest after the push. */
  registry: Registry;
  clock: Clock;
  /** Where DOCKER_HOST and its like are read. */
  environment: EngineEnvironment;
  /** Registries that are reached under another name. */
  resolveHost?: ResolveRegistryHost;
  /** `auto`: BuildKit on engines that have it as their default (23 and later), the classic builder before. */
  buildKit?: 'auto' | 'on' | 'off';
}

const answerTimeoutMs = 10_000;
const cleanupTimeoutMs = 30_000;

type Progress = CallOptions & { onProgress: BuildProgress };

/**
 * Builds with a Docker Engine: on the runner's machine, over TCP with TLS, or beside the steps in the agent pod.
 * In the engine one image a repository stays, as cache; the names that it was pushed under are taken away.
 */
export function dockerBuilder(settings: DockerBuilderOptions): Builder {
  return {
    name: 'docker',
    unavailable: async (options) => {
      try {
        await withEngine(settings, options, (engine) => askVersion(engine, settings, options));
        return undefined;
      } catch (error) {
        options.signal.throwIfAborted();
        return messageOf(error);
      }
    },
    buildAndPush: async (request, options) => {
      try {
        return await withEngine(settings, options, (engine) =>
          buildAndPush(engine, { settings, request }, options),
        );
      } catch (error) {
        options.signal.throwIfAborted();
        if (error instanceof SlipwayError) throw error;
        throw engineUnavailable(addressName(settings), 'gave up', error);
      }
    },
  };
}

/** The connections live as long as the work. */
async function withEngine<T>(
  settings: DockerBuilderOptions,
  options: CallOptions,
  work: (engine: Docker) => Promise<T>,
): Promise<T> {
  const { engine, close } = await connectEngine(settings.address, { ...settings, ...options });
  try {
    return await work(engine);
  } finally {
    close();
  }
}

async function buildAndPush(
  engine: Docker,
  { settings, request }: { settings: DockerBuilderOptions; request: BuildRequest },
  options: Progress,
): Promise<BuiltImage> {
  const buildKit = await usesBuildKit(engine, settings, options);
  // Said now and not after a long build; an engine, too, tries for a minute before it believes some registries.
  await settings.registry.checkPush(request.repository, {
    ...options,
    ...(request.credentials && { credentials: request.credentials }),
  });
  const names = engineNames(request.repository, request.target, randomUUID());
  const built = await build(engine, request, { ...settings, ...options, tag: names.building, buildKit });
  try {
    const digest = await pushAll(engine, { settings, request, built }, options);
    return { repository: request.repository, tags: request.tags, digest };
  } finally {
    await keepAsCache(engine, names, { signal: AbortSignal.timeout(cleanupTimeoutMs) }).catch(
      async (error: unknown) => {
        await options.onProgress(`cannot keep the image as cache: ${messageOf(error)}`);
      },
    );
  }
}

async function build(
  engine: Docker,
  request: BuildRequest,
  options: Progress & { tag: string; buildKit: boolean; openContext: OpenBuildContext },
): Promise<string> {
  const context = await options.openContext(request, options);
  const { dockerfileText, dockerfile } = context;
  await pullNeeded(engine, request, { ...options, dockerfileText });
  // An engine begins when the context is there whole: of one that broke off nothing was built.
  return context.read((tar) => buildImage(engine, { ...options, request, dockerfile, tar }, options));
}

async function usesBuildKit(
  engine: Docker,
  settings: DockerBuilderOptions,
  options: CallOptions,
): Promise<boolean> {
  const version = await askVersion(engine, settings, options);
  if (settings.buildKit === 'on') return true;
  if (settings.buildKit === 'off') return false;
  return version.os === 'linux' && version.major >= 23;
}

async function askVersion(
  engine: Docker,
  settings: DockerBuilderOptions,
  options: CallOptions,
): Promise<{ major: number; os: string }> {
  const abortSignal = AbortSignal.any([options.signal, AbortSignal.timeout(answerTimeoutMs)]);
  try {
    const { Version, Os } = await (
      engine as unknown as { version(o: { abortSignal: AbortSignal }): ReturnType<Docker['version']> }
    ).version({ abortSignal });
    return { major: Number.parseInt(Version, 10), os: Os };
  } catch (error) {
    options.signal.throwIfAborted();
    throw engineUnavailable(addressName(settings), 'does not answer', error);
  }
}

async function pushAll(
  engine: Docker,
  image: { settings: DockerBuilderOptions; request: BuildRequest; built: string },
  options: Progress,
): Promise<string> {
  const { settings, request, built } = image;
  const endpoint = settings.resolveHost?.(request.repository.split('/')[0] ?? '');
  const repository = engineRepository(request.repository, endpoint?.url);
  const credentials = endpoint?.credentials ?? request.credentials;
  const pushed: string[] = [];
  try {
    let digest = '';
    for (const tag of request.tags) {
      const name = `${repository}:${tag}`;
      pushed.push(name);
      const target = { imageId: built, repository, tag, credentials };
      digest = await pushTag(engine, target, { ...options, clock: settings.clock } satisfies PushOptions);
      pushed.push(`${repository}@${digest}`);
      await confirm(settings.registry, { request, tag, digest }, options);
    }
    return digest;
  } finally {
    const signal = AbortSignal.timeout(cleanupTimeoutMs);
    for (const name of pushed) {
      const problem = await removeImage(engine, name, { signal });
      if (problem !== undefined)
        await options.onProgress(`cannot remove ${name} from the engine: ${problem}`);
    }
  }
}

/** The name that the engine pushes to: the repository's own, or that of the mirror which stands for its host. */
function engineRepository(repository: string, url: string | undefined): string {
  return url === undefined ? repository : repository.replace(/^[^/]+/, new URL(url).host);
}

/** What is deployed is the digest; a tag that has moved meanwhile is only reported. */
async function confirm(
  registry: Registry,
  pushed: { request: BuildRequest; tag: string; digest: string },
  options: Progress,
): Promise<void> {
  const { repository, credentials } = pushed.request;
  const name = `${repository}:${pushed.tag}`;
  const reference = { repository, tag: pushed.tag };
  const found = await registry.resolve(reference, { ...options, ...(credentials && { credentials }) });
  if (found === undefined) {
    throw new RegistryError('invalid', `${name} is not in the registry though the engine pushed it`);
  }
  if (found !== pushed.digest) {
    await options.onProgress(
      `${name} is ${found} by now: another client pushed it; this run uses ${pushed.digest}`,
    );
  }
}

function addressName({ address, environment }: DockerBuilderOptions): string {
  switch (address.type) {
    case 'environment':
      return environment['DOCKER_HOST'] ?? '/var/run/docker.sock';
    case 'host':
      return address.host;
    case 'sidecar':
      return `port ${String(address.port)} of the service ${address.service} in the agent pod`;
  }
}
