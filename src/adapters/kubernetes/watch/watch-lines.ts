import type { Readable } from 'node:stream';

/** One line of a watch. */
export interface WatchLine {
  type: string;
  object: { metadata?: { resourceVersion?: string }; [field: string]: unknown };
}

/** No object of Kubernetes is larger than what etcd stores (1.5 MB) by much. */
const longestLine = 16 * 1024 * 1024;

/** A watch brought not even a bookmark: something between here and the API server holds it back. */
export class SilentWatchError extends Error {}

/**
 * Reads the lines of a watch; destroys the stream at the end. Ends quietly with the stream; a line that was cut off
 * by the end is dropped.
 * @param silentMs after so long without a byte the stream is taken for dead and destroyed
 * @throws SilentWatchError
 */
export async function* readWatchLines(stream: Readable, silentMs: number): AsyncGenerator<WatchLine> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const timer = setTimeout(() => {
    stream.destroy(new SilentWatchError(`no byte of a watch for ${String(silentMs)} ms`));
  }, silentMs).unref();
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      timer.refresh();
      let rest = chunk;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        const line = Buffer.concat([...pending, rest.subarray(0, end)]).toString('utf8');
        pending = [];
        pendingBytes = 0;
        rest = rest.subarray(end + 1);
        if (line.trim() !== '') yield JSON.parse(line) as WatchLine;
      }
      if (rest.length > 0) pending.push(rest);
      pendingBytes += rest.length;
      if (pendingBytes > longestLine) throw new Error('a line of the watch is longer than any object');
    }
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}
