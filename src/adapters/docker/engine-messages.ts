import { addAbortSignal, Readable } from 'node:stream';
import type Docker from 'dockerode';
import * as z from '../../base/zod.ts';

/** A line of what the engine says while it builds, pulls or pushes; https://docs.docker.com/reference/api/engine/ */
export type EngineMessage = z.infer<typeof Message>;

const Message = z.looseObject({
  stream: z.optional(z.string()),
  status: z.optional(z.string()),
  id: z.optional(z.string()),
  progress: z.optional(z.string()),
  error: z.optional(z.string()),
  errorDetail: z.optional(z.looseObject({ message: z.optional(z.string()) })),
  aux: z.optional(z.unknown()),
});

/** Longest line that is taken; a BuildKit status of many steps is some 100 kB. */
const maxLineBytes = 16 * 1024 * 1024;

/**
 * Reads the engine's answer message by message, with back-pressure; BuildKit's binary status becomes `stream` messages.
 * Ending the iteration closes the connection, which makes the engine stop what it does.
 */
export async function* engineMessages(
  engine: Docker,
  body: NodeJS.ReadableStream,
  signal: AbortSignal,
): AsyncGenerator<EngineMessage> {
  const stream = addAbortSignal(signal, body as unknown as Readable);
  let pending = '';
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > maxLineBytes) throw new Error('the engine sent a line without an end');
    for (const line of lines) yield* readLine(engine, line);
  }
  yield* readLine(engine, pending);
}

async function* readLine(engine: Docker, line: string): AsyncGenerator<EngineMessage> {
  if (line.trim() === '') return;
  const message = Message.parse(JSON.parse(line));
  if (message.id !== 'moby.buildkit.trace') {
    yield message;
    return;
  }
  for (const decoded of await decodeTrace(engine, line)) yield Message.parse(decoded);
}

/** dockerode knows the protobuf of BuildKit's status, but only for a whole stream: it gets one of a single line. */
function decodeTrace(engine: Docker, line: string): Promise<unknown[]> {
  const { followProgress } = engine as unknown as {
    followProgress: (stream: Readable, done: (error: Error | null, output: unknown[]) => void) => void;
  };
  return new Promise((resolve, reject) => {
    followProgress(Readable.from([`${line}\n`]), (error, output) => {
      if (error === null) resolve(output);
      else reject(error);
    });
  });
}
