import { RegistryError } from '../../ports/registry.ts';
import { digestOf, manifestTypes } from './manifest.ts';
import type { RegistryHttp, RegistryRequest, Repository } from './registry-http.ts';

/** A manifest as the registry holds it. */
export interface StoredManifest {
  digest: string;
  mediaType: string;
  bytes: Buffer;
}

interface Options {
  signal: AbortSignal;
}

/** The registry refuses larger ones itself: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests */
const maxManifestBytes = 4 * 1024 * 1024;

/** The digest that a tag (or digest) names; undefined when it is not there. @throws RegistryError */
export async function headManifest(
  http: RegistryHttp,
  repository: Repository,
  version: string,
  options: Options,
): Promise<string | undefined> {
  const response = await http.send(manifestRequest('HEAD', repository, version), options);
  await response.discard();
  if (response.status === 404) return undefined;
  const digest = response.headers['docker-content-digest'];
  if (typeof digest === 'string') return digest;
  // Some registries leave the digest out: it is that of the bytes.
  return (await readManifest(http, repository, version, options))?.digest;
}

/** Reads a manifest; what was asked for by digest is checked against it. undefined when it is not there. */
export async function readManifest(
  http: RegistryHttp,
  repository: Repository,
  version: string,
  options: Options,
): Promise<StoredManifest | undefined> {
  const response = await http.send(manifestRequest('GET', repository, version), options);
  if (response.status === 404) {
    await response.discard();
    return undefined;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxManifestBytes) throw wrongManifest(repository, version, 'it is larger than 4 MiB');
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const digest = digestOf(bytes);
  if (version.startsWith('sha256:') && version !== digest) {
    throw wrongManifest(repository, version, `its content has the digest ${digest}`);
  }
  const mediaType = (response.headers['content-type'] ?? '').split(';')[0] ?? '';
  return { digest, mediaType: mediaType.trim(), bytes };
}

/** Stores a manifest under a tag or its digest. @returns the digest @throws RegistryError, `immutable` where the tag may not move */
export async function putManifest(
  http: RegistryHttp,
  repository: Repository,
  manifest: { version: string; mediaType: string; bytes: Buffer },
  options: Options,
): Promise<string> {
  const { version, mediaType, bytes } = manifest;
  const response = await http.send(
    {
      ...manifestRequest('PUT', repository, version),
      access: 'pull,push',
      headers: { 'content-type': mediaType },
      body: () => bytes,
      accept: [201, 202],
    },
    options,
  );
  await response.discard();
  const digest = digestOf(bytes);
  const returned = response.headers['docker-content-digest'];
  if (typeof returned === 'string' && returned !== digest) {
    throw wrongManifest(repository, version, `the registry stored it as ${returned}, it is ${digest}`);
  }
  return digest;
}

function manifestRequest(
  method: 'GET' | 'HEAD' | 'PUT',
  repository: Repository,
  version: string,
): RegistryRequest {
  const separator = version.includes(':') ? '@' : ':';
  return {
    repository,
    method,
    url: `/v2/${repository.path}/manifests/${version}`,
    access: 'pull',
    headers: { accept: manifestTypes.join(', ') },
    accept: [200, 404],
    attempted: {
      action: method === 'PUT' ? 'push' : 'read',
      target: `${repository.host}/${repository.path}${separator}${version}`,
    },
  };
}

function wrongManifest(repository: Repository, version: string, why: string): RegistryError {
  return new RegistryError(
    'invalid',
    `the manifest ${version} of ${repository.host}/${repository.path}: ${why}`,
  );
}
