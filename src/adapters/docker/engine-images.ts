import type Docker from 'dockerode';
import { messageOf } from '../../base/errors.ts';

/** Names of an image in the engine while it is built, and as cache for the next build. */
export interface EngineNames {
  /** Of this build alone: no other build removes the image meanwhile. */
  building: string;
  /** One for a repository and target, however many tags are pushed. */
  cache: { repo: string; tag: string };
}

/** The names for a build of a repository. `unique` tells builds at the same time apart. */
export function engineNames(repository: string, target: string | undefined, unique: string): EngineNames {
  const repo = `slipway-cache/${repository.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
  const tag = (target ?? 'latest').replaceAll(/[^\w.-]/g, '-');
  return { building: `${repo}:build-${unique}`, cache: { repo, tag } };
}

/**
 * Makes a built image the cache of its repository in place of the one before, and ends its name for the build.
 * Images go by their names only, never by their ids: another build may hold the same one.
 */
export async function keepAsCache(
  engine: Docker,
  { building, cache }: EngineNames,
  options: { signal: AbortSignal },
): Promise<void> {
  await removeImage(engine, `${cache.repo}:${cache.tag}`, options);
  await engine.getImage(building).tag(cache);
  await removeImage(engine, building, options);
}

/**
 * Takes a name away from the engine, and with its last name the image; layers below stay as build cache. One that is
 * not there or is used by a container is left as it is.
 * @returns why it could not be removed; undefined when all is well
 */
export async function removeImage(
  engine: Docker,
  name: string,
  options: { signal: AbortSignal },
): Promise<string | undefined> {
  try {
    await engine.getImage(name).remove({ noprune: true, abortSignal: options.signal });
    return undefined;
  } catch (error) {
    const status = statusOf(error);
    return status === 404 || status === 409 ? undefined : messageOf(error);
  }
}

function statusOf(error: unknown): unknown {
  return error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
}
