import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { RegistryError } from '../../ports/registry.ts';
import type { Descriptor } from './manifest.ts';
import type { RegistryHttp, RegistryRequest, Repository } from './registry-http.ts';

interface Options {
  signal: AbortSignal;
}

/** Whether the repository has the blob. */
export async function hasBlob(
  http: RegistryHttp,
  repository: Repository,
  digest: string,
  options: Options,
): Promise<boolean> {
  const response = await http.send(blobRequest('HEAD', repository, digest), options);
  await response.discard();
  return response.status === 200;
}

/**
 * Opens a blob; the stream fails at its end when the content is not what the descriptor says.
 * @throws RegistryError, `notFound` when it is not there
 */
export async function readBlob(
  http: RegistryHttp,
  repository: Repository,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  options: Options,
): Promise<Readable> {
  const { digest } = descriptor;
  const response = await http.send({ ...blobRequest('GET', repository, digest), accept: [200] }, options);
  const checked = checkContent(`the blob ${digest} of ${repository.host}/${repository.path}`, descriptor);
  response.body.on('error', (error) => checked.destroy(error));
  checked.once('close', () => response.body.destroy());
  return response.body.pipe(checked);
}

function blobRequest(method: 'GET' | 'HEAD', repository: Repository, digest: string): RegistryRequest {
  return {
    repository,
    method,
    url: `/v2/${repository.path}/blobs/${digest}`,
    access: 'pull',
    accept: [200, 404],
    attempted: { action: 'read a layer of', target: `${repository.host}/${repository.path}` },
  };
}

function checkContent(name: string, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Transform {
  const [algorithm = 'sha256', expected] = digest.split(':');
  const hash = createHash(algorithm);
  let length = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      hash.update(chunk);
      done(length > size ? new RegistryError('invalid', `${name} is longer than its size`) : null, chunk);
    },
    flush(done) {
      const right = length === size && hash.digest('hex') === expected;
      done(right ? null : new RegistryError('invalid', `${name} does not have the content of its digest`));
    },
  });
}

/**
 * Opens a part of a blob, for sending it on. Its content is not checked here: the receiver of the whole blob checks it.
 * @returns bytes from `start` to before `end`
 */
export function readBlobRange(
  http: RegistryHttp,
  repository: Repository,
  part: { digest: string; start: number; end: number },
  options: Options,
): Readable {
  return Readable.from(rangeChunks(http, repository, part, options), { objectMode: false });
}

async function* rangeChunks(
  http: RegistryHttp,
  repository: Repository,
  { digest, start, end }: { digest: string; start: number; end: number },
  options: Options,
): AsyncGenerator<Buffer> {
  const call = {
    ...blobRequest('GET', repository, digest),
    headers: { range: `bytes=${String(start)}-${String(end - 1)}` },
    accept: [200, 206],
  };
  const response = await http.send(call, options);
  // A registry that knows no ranges sends the whole: what comes before is passed over.
  let at = response.status === 206 ? start : 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    const wanted = chunk.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
    at += chunk.length;
    if (wanted.length > 0) yield wanted;
    if (at >= end) break;
  }
}
