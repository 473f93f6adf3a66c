import { pipeline, Transform, type Readable } from 'node:stream';
import { HttpError } from '../../ports/http.ts';

/** Settings of {@link responseBody}. */
export interface ResponseBodyOptions {
  maxBytes: number;
  /** What was asked, for messages. */
  asked: string;
  /** The error for one of the library's. */
  explain: (error: unknown) => Error;
}

/** The body as users of the client see it: it is bounded, and fails with the client's own errors. */
export function responseBody(source: Readable, options: ResponseBodyOptions): Readable {
  const { maxBytes, asked, explain } = options;
  let bytes = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) done(null, chunk);
      else done(new HttpError('too-large', asked, `the answer is larger than ${String(maxBytes)} bytes`));
    },
    destroy(error, done) {
      done(error === null || error instanceof HttpError ? error : explain(error));
    },
  });
  // The reader of the body gets its error, also one that came before the first read.
  body.on('error', () => undefined);
  pipeline(source, body, () => undefined);
  return body;
}
