import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import path from 'node:path';
import type { Reporter, TimedEvent } from '../../ports/events.ts';
import { Output } from './output.ts';

/**
 * Writes each stage's whole output to `directory/STAGE.log`, byte for byte as the steps wrote it (masked). A resumed
 * run appends.
 */
export function createLogFileReporter(directory: string): Reporter {
  const files = new Map<string, { stream: WriteStream; output: Output }>();
  let resumed = false;
  async function fileOf(stage: string): Promise<Output> {
    const known = files.get(stage);
    if (known !== undefined) return known.output;
    await mkdir(directory, { recursive: true });
    const name = `${stage.replaceAll(/[^\w.-]+/g, '_')}.log`;
    const stream = createWriteStream(path.join(directory, name), { flags: resumed ? 'a' : 'w' });
    const output = new Output(stream);
    files.set(stage, { stream, output });
    return output;
  }
  return {
    async handle(event: TimedEvent): Promise<void> {
      if (event.type === 'run.started') resumed = event.resumed;
      if (event.type !== 'step.output') return;
      const output = await fileOf(event.stage);
      await output.write(event.chunk);
    },
    async close(): Promise<void> {
      for (const { stream } of files.values()) {
        stream.end();
        await finished(stream);
      }
    },
  };
}
