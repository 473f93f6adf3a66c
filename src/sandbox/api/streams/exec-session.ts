import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isFields } from '../../../base/fields.ts';
import type { ExecProcess, ExecResult } from '../pod-streams.ts';

/** The client's side of exec and attach, whatever carries it. Streams that it did not ask for are missing. */
export interface ExecChannels {
  stdin?: Readable | undefined;
  stdout?: Writable | undefined;
  stderr?: Writable | undefined;
  /** Lines of JSON: `{"Width":80,"Height":24}`. */
  resize?: Readable | undefined;
  /** Takes the Status by which the command's end is reported. */
  status: Writable;
}

/** How the end of a command is reported: https://github.com/kubernetes/apimachinery, `StatusSuccess` or `NonZeroExitCode`. */
export function execStatus(result: ExecResult): Record<string, unknown> {
  if (result.kind === 'failed') {
    return { metadata: {}, status: 'Failure', message: result.message, reason: 'InternalError', code: 500 };
  }
  if (result.exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${result.exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(result.exitCode) }] },
  };
}

/** Copies until the source ends; a side that goes away early is no fault. */
async function copy(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (from === undefined || to === undefined) return;
  try {
    await pipeline(from, to);
  } catch {
    // The client or the process closed its end: the result tells how the command ended.
  }
}

async function applySizes(from: Readable | undefined, process: ExecProcess): Promise<void> {
  if (from === undefined) return;
  try {
    for await (const message of from as AsyncIterable<Buffer>) {
      for (const line of message.toString('utf8').split('\n')) {
        const size: unknown = line.trim() === '' ? undefined : JSON.parse(line);
        if (!isFields(size)) continue;
        process.resize({ width: Number(size['Width']), height: Number(size['Height']) });
      }
    }
  } catch {
    // A terminal size that cannot be read changes nothing.
  }
}

/** Joins a command with its client until the command has ended and everything has been delivered. */
export async function joinExec(process: ExecProcess, channels: ExecChannels): Promise<void> {
  void copy(channels.stdin, process.stdin);
  void applySizes(channels.resize, process);
  const outputs = Promise.all([copy(process.stdout, channels.stdout), copy(process.stderr, channels.stderr)]);
  const result = await process.result;
  await outputs;
  await new Promise<void>((resolve) => {
    channels.status.end(JSON.stringify(execStatus(result)), () => resolve());
    channels.status.once('error', () => resolve());
  });
}
