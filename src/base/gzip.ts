import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** A text, compressed. */
export async function gzipText(text: string): Promise<Buffer> {
  return compress(Buffer.from(text));
}

/**
 * The text of {@link gzipText}.
 * @param largest bytes that it may have
 * @throws Error when it has more, or is damaged
 */
export async function gunzipText(bytes: Uint8Array, largest: number): Promise<string> {
  return (await decompress(bytes, { maxOutputLength: largest })).toString('utf8');
}
