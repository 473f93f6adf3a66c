import { defined } from '../../base/defined.ts';
import type { Readable } from 'node:stream';
import { backoffMs } from '../../base/backoff.ts';
import { RegistryError } from '../../ports/registry.ts';
import type { RegistryHttp, RegistryRequest, RegistryResponse, Repository } from './registry-http.ts';

/** A blob to be pushed. */
export interface BlobSource {
  digest: string;
  size: number;
  /** Opens the content from byte `start` to before byte `end`; called again for what has to be sent again. */
  open(start: number, end: number): Readable;
}

/** How a blob came into the repository. */
export type BlobTransfer = 'mounted' | 'uploaded';

/** Settings of an upload. */
export interface UploadOptions {
  signal: AbortSignal;
  /** Repository of the same registry that has the blob: mounted from there where the registry allows it. */
  mountFrom?: string;
  /** Bytes sent in one request; default 32 MiB, small enough for the proxies in front of registries. */
  chunkBytes?: number;
}

const defaultChunkBytes = 32 * 1024 * 1024;
const maxRestarts = 4;
const delays = { baseMs: 300, maxMs: 10_000 };

/**
 * Pushes a blob, in one request when it is small, else chunk by chunk; after a broken connection it continues where the
 * registry says that it stands, or starts again when the registry has forgotten the upload.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
 * @throws RegistryError
 */
export async function uploadBlob(
  http: RegistryHttp,
  repository: Repository,
  blob: BlobSource,
  options: UploadOptions,
): Promise<BlobTransfer> {
  for (let restarts = 0; ; restarts += 1) {
    const started = await startUpload(http, repository, { ...options, digest: blob.digest });
    if (started === undefined) return 'mounted';
    try {
      await new Upload(http, repository, blob, { ...options, started }).send();
      return 'uploaded';
    } catch (error) {
      options.signal.throwIfAborted();
      const again = error instanceof RegistryError && error.problem === 'unreachable';
      if (!again || restarts === maxRestarts) throw error;
      await http.waitToRetry(error, backoffMs(restarts + 1, delays), options);
    }
  }
}

/** Where an upload continues, and the least that a chunk may have. */
export interface StartedUpload {
  location: string;
  minChunkBytes: number;
}

/** Starts an upload; undefined when the blob was mounted instead. */
export async function startUpload(
  http: RegistryHttp,
  repository: Repository,
  options: { signal: AbortSignal; digest?: string; mountFrom?: string },
): Promise<StartedUpload | undefined> {
  const { digest, mountFrom } = options;
  const query =
    digest === undefined || mountFrom === undefined
      ? ''
      : `?${new URLSearchParams({ mount: digest, from: mountFrom }).toString()}`;
  const response = await http.send(
    {
      ...uploadRequest(repository, 'POST', `/v2/${repository.path}/blobs/uploads/${query}`),
      ...defined({ readsFrom: mountFrom }),
      headers: { 'content-length': '0' },
      accept: [201, 202],
    },
    options,
  );
  await response.discard();
  if (response.status === 201) return undefined;
  const minimum = Number(response.headers['oci-chunk-min-length'] ?? 0);
  return {
    location: locationOf(response, repository),
    minChunkBytes: Number.isFinite(minimum) ? minimum : 0,
  };
}

/** Gives an upload up, so that the registry keeps nothing of it. */
export async function cancelUpload(
  http: RegistryHttp,
  repository: Repository,
  location: string,
  options: { signal: AbortSignal },
): Promise<void> {
  const call = { ...uploadRequest(repository, 'DELETE', location), accept: [200, 202, 204, 404, 405] };
  const response = await http.send(call, options);
  await response.discard();
}

/** One upload, from its start to its end; holds where it stands. */
class Upload {
  readonly #http: RegistryHttp;
  readonly #repository: Repository;
  readonly #blob: BlobSource;
  readonly #options: UploadOptions & { started: StartedUpload };
  #location: string;
  #sent = 0;

  constructor(
    http: RegistryHttp,
    repository: Repository,
    blob: BlobSource,
    options: UploadOptions & { started: StartedUpload },
  ) {
    this.#http = http;
    this.#repository = repository;
    this.#blob = blob;
    this.#options = options;
    this.#location = options.started.location;
  }

  async send(): Promise<void> {
    const { started, chunkBytes = defaultChunkBytes } = this.#options;
    const chunk = Math.max(chunkBytes, started.minChunkBytes);
    let failures = 0;
    while (this.#blob.size > chunk && this.#sent < this.#blob.size) {
      try {
        await this.#sendChunk(Math.min(this.#sent + chunk, this.#blob.size));
        failures = 0;
      } catch (error) {
        failures += 1;
        await this.#recover(error, failures);
      }
    }
    await this.#finish();
  }

  async #sendChunk(end: number): Promise<void> {
    const start = this.#sent;
    const response = await this.#http.send(
      {
        ...uploadRequest(this.#repository, 'PATCH', this.#location),
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(end - start),
          'content-range': `${String(start)}-${String(end - 1)}`,
        },
        body: () => this.#blob.open(start, end),
        accept: [201, 202, 204],
        once: true,
      },
      this.#options,
    );
    await response.discard();
    this.#location = locationOf(response, this.#repository);
    this.#sent = end;
  }

  /** Asks the registry how much it has. */
  async #recover(error: unknown, failures: number): Promise<void> {
    this.#options.signal.throwIfAborted();
    const unreachable = error instanceof RegistryError && error.problem === 'unreachable';
    if (!unreachable || failures > maxRestarts) throw error;
    await this.#http.waitToRetry(error, backoffMs(failures, delays), this.#options);
    const call = { ...uploadRequest(this.#repository, 'GET', this.#location), accept: [204, 404] };
    const response = await this.#http.send(call, this.#options);
    await response.discard();
    if (response.status === 404) throw error;
    const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers['range'] ?? '')?.[1];
    this.#sent = last === undefined || last === '0' ? 0 : Number(last) + 1;
    this.#location = locationOf(response, this.#repository);
  }

  /** The closing PUT carries the content that was not sent in chunks. */
  async #finish(): Promise<void> {
    const { digest, size } = this.#blob;
    const start = this.#sent;
    const url = new URL(this.#location);
    url.searchParams.set('digest', digest);
    const response = await this.#http.send(
      {
        ...uploadRequest(this.#repository, 'PUT', url.href),
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(size - start) },
        body: () => (start === size ? Buffer.alloc(0) : this.#blob.open(start, size)),
        accept: [201, 204],
        once: true,
      },
      this.#options,
    );
    await response.discard();
  }
}

function uploadRequest(
  repository: Repository,
  method: RegistryRequest['method'],
  url: string,
): RegistryRequest {
  return {
    repository,
    method,
    url,
    access: 'pull,push',
    accept: [],
    attempted: { action: 'push a layer to', target: `${repository.host}/${repository.path}` },
  };
}

/** Location is absolute or relative; a registry behind a TLS proxy may say http for itself. */
function locationOf(response: RegistryResponse, repository: Repository): string {
  const { location } = response.headers;
  if (typeof location !== 'string') {
    throw new RegistryError(
      'invalid',
      `${repository.host} started an upload without a Location for the next part`,
    );
  }
  const url = new URL(location, response.url);
  if (url.host === response.url.host) url.protocol = response.url.protocol;
  return url.href;
}
