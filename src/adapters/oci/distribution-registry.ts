import type { CallOptions } from '../../ports/cluster.ts';
import type { Registry, RegistryCredentials } from '../../ports/registry.ts';
import { parseImageReference } from '../../base/image-reference.ts';
import { headManifest } from './manifests.ts';
import { RegistryHttp, type RegistryHttpOptions, type Repository } from './registry-http.ts';
import { cancelUpload, startUpload } from './upload-blob.ts';

/** A registry client that is closed at the end of its use. */
export interface DistributionRegistry extends Registry {
  close(): Promise<void>;
}

/** Any OCI registry, by the distribution API. */
export function distributionRegistry(settings: RegistryHttpOptions): DistributionRegistry {
  const http = new RegistryHttp(settings);
  return {
    resolve: ({ repository, tag }, options) =>
      headManifest(http, repositoryOf(repository, options.credentials), tag, options),
    checkPush: (repository, options) =>
      checkPush(http, repositoryOf(repository, options.credentials), options),
    close: () => http.close(),
  };
}

/** A repository by its name with host. @throws InputError when it is not one */
export function repositoryOf(name: string, credentials: RegistryCredentials | undefined): Repository {
  const { host, path } = parseImageReference(name);
  return { host, path, ...(credentials && { credentials }) };
}

/** An upload is started and given up: the only question that a registry answers about the right to push. */
export async function checkPush(
  http: RegistryHttp,
  repository: Repository,
  options: CallOptions,
): Promise<void> {
  const started = await startUpload(http, repository, { signal: options.signal });
  if (started !== undefined) await cancelUpload(http, repository, started.location, options);
}
