import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import type { Images } from '../registry/images.ts';
import { parseReference } from '../registry/reference.ts';
import type { ImageReference } from '../registry/reference.ts';
import { PullFailed } from './container-context.ts';
import type { ImageFiles } from './image-files.ts';
import type { Container } from './pod-types.ts';

/** Options of {@link createImagePuller}. */
export interface PullerOptions {
  images: Images;
  /** Refuse what the registry does not have, instead of letting this machine's tools stand for it. */
  strict: boolean;
  /** `host:port` of the sandbox's own registry: what is named by it must be there. */
  registryAddress: () => string;
}

/** Gets a container's image; rejects with {@link PullFailed}. */
export type PullImage = (container: Container, signal: AbortSignal) => Promise<ImageFiles>;

/**
 * Finds images in the sandbox's registry, whatever registry their reference names, as a mirror does. One that is not
 * there, and of whose repository nothing was ever pushed, is an empty image on top of this machine.
 */
export function createImagePuller({ images, strict, registryAddress }: PullerOptions): PullImage {
  async function pull({ image }: Container, signal: AbortSignal): Promise<ImageFiles> {
    const reference = parseReference(image);
    if (reference === undefined)
      throw new PullFailed(
        'InvalidImageName',
        `Failed to apply default image tag "${image}": couldn't parse image reference "${image}": invalid reference format`,
      );
    let found;
    try {
      found = await images.open(reference, signal);
    } catch (error) {
      throw new PullFailed('ErrImagePull', `failed to unpack image "${image}": ${messageOf(error)}`);
    }
    if (found === undefined) return standIn(image, reference);
    const environment = found.complete ? {} : machineEnvironment();
    return {
      ...found,
      environment: {
        ...environment,
        ...found.environment,
        ...(found.complete ? {} : { PATH: mergedPath(found.environment['PATH']) }),
      },
      standIn: undefined,
    };
  }

  function standIn(image: string, reference: ImageReference): ImageFiles {
    const { host, repository } = reference;
    if (host.endsWith('.invalid'))
      throw new PullFailed(
        'ErrImagePull',
        `failed to resolve reference "${image}": dial tcp: lookup ${host}: no such host`,
      );
    if (strict || host === registryAddress() || images.hasRepository(repository))
      throw new PullFailed(
        'ErrImagePull',
        `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": ${image}: not found: manifest unknown`,
      );
    const base = repository.split('/').at(-1) ?? repository;
    return {
      id: `stand-in/${image}`,
      root: undefined,
      complete: false,
      entrypoint: [],
      cmd: commandOf(base),
      environment: machineEnvironment(),
      workingDir: '/',
      standIn: `The sandbox's registry does not have "${image}": this machine's tools stand for it`,
    };
  }

  return pull;
}

/** The node that runs the sandbox comes first, so that `node:24` is this one; then what this machine's user has. */
function machineEnvironment(): Record<string, string> {
  return { PATH: mergedPath(undefined), HOME: '/tmp', LANG: process.env['LANG'] ?? 'C.UTF-8' };
}

function mergedPath(ofImage: string | undefined): string {
  const machine = [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)];
  return [...new Set([...machine.slice(0, 1), ...(ofImage?.split(':') ?? []), ...machine.slice(1)])].join(
    delimiter,
  );
}

/** What an image that is named like one of this machine's programs runs by itself. */
function commandOf(name: string): string[] {
  const found = mergedPath(undefined)
    .split(delimiter)
    .some((folder) => existsSync(join(folder, name)));
  return found ? [name] : [];
}
