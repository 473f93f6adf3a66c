import type Docker from 'dockerode';
import { messageOf } from '../../base/errors.ts';

/**
 * The tag that keeps a repository's last image in the engine as cache for the next build; there is one for a
 * repository and target, however many tags are pushed.
 */
export function cacheTag(repository: string, target: string | undefined): string {
  const name = repository.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const tag = (target ?? 'latest').replaceAll(/[^\w.-]/g, '-');
  return `slipway-cache/${name}:${tag}`;
}

/** The id of an image of the engine; undefined when it has none of that name. */
export async function imageId(engine: Docker, name: string): Promise<string | undefined> {
  try {
    return (await engine.getImage(name).inspect()).Id;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * Takes a name, or an image by its id, away from the engine; layers below stay as build cache. One that is not there,
 * is used by a container or has other names is left as it is.
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
