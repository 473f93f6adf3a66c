import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ContainerReference } from '../../../ports/pod-access.ts';
import type { Connection } from '../client/connection.ts';
import type { KubernetesSettings } from '../settings.ts';
import { exec, openExec, sendStdin } from '../streams/exec.ts';
import { downloadRequest, ExecOutput } from './download.ts';
import { repeatWhereLost, type Repetition } from './repeat.ts';
import { removalCommand, sendTar, uploadCommand } from './upload.ts';

/** What removing the rest of an upload that failed may take. Milliseconds. */
const removalMs = 5000;

/** Where files are read from, or written to. */
export interface TransferPlace extends Repetition {
  connection: Connection;
  container: ContainerReference;
  settings: Pick<KubernetesSettings, 'retryBudgetMs' | 'silenceMs'>;
  /** Absolute. */
  directory: string;
}

/**
 * Gives the paths as one tar stream to `receive`, and as a new one to a new call of it when the transfer broke.
 * @returns what `receive` gives
 * @throws AgentError when the pod is lost, TransferError, ClusterError, what `receive` throws for its own reasons
 */
export async function receiveDownload<T>(
  place: TransferPlace,
  { paths, excludes }: { paths: readonly string[]; excludes: readonly string[] },
  { receive, signal }: { receive: (tar: Readable) => Promise<T>; signal: AbortSignal },
): Promise<T> {
  const { connection, container, directory, settings } = place;
  const { command, input } = downloadRequest(directory, paths, excludes);
  const what = `read ${shown(paths)} of ${directory} in agent pod ${container.pod}`;
  return repeatWhereLost(place, signal, async (either) => {
    const { silenceMs } = settings;
    const how = { command, stdin: input !== undefined, signal: either, silenceMs };
    const socket = await openExec(connection, container, how);
    if (input !== undefined) void sendStdin(socket, input); // ends quietly with the connection
    const output = new ExecOutput(socket, what);
    const abort = () => output.destroy(either.reason as Error);
    either.addEventListener('abort', abort, { once: true });
    try {
      return await receive(output);
    } catch (error) {
      throw output.failure ?? error; // what the reader says of a transfer that broke is its consequence
    } finally {
      either.removeEventListener('abort', abort);
      output.destroy();
    }
  });
}

/** Some of the paths, for errors. */
function shown(paths: readonly string[]): string {
  const more = paths.length - 3;
  return more <= 0 ? paths.join(', ') : `${paths.slice(0, 3).join(', ')} and ${String(more)} more`;
}

/**
 * Puts the files of a tar stream in the directory's place; a transfer that broke begins again, with another stream.
 * @throws AgentError when the pod is lost, TransferError, ClusterError, what the stream fails with
 */
export async function sendUpload(
  place: TransferPlace,
  open: () => Readable,
  signal: AbortSignal,
): Promise<void> {
  const { connection, container, directory, settings } = place;
  const { silenceMs } = settings;
  const id = randomBytes(4).toString('hex');
  const command = uploadCommand(directory, id, silenceMs);
  try {
    await repeatWhereLost(place, signal, async (either) => {
      const how = { command, stdin: true, signal: either, silenceMs };
      const socket = await openExec(connection, container, how);
      const abort = () => socket.close();
      either.addEventListener('abort', abort, { once: true });
      try {
        await sendTar(socket, open(), `write to ${directory} in agent pod ${container.pod}`);
      } finally {
        either.removeEventListener('abort', abort);
        socket.close();
      }
    });
  } catch (error) {
    if (!signal.aborted && !place.monitor.failure.aborted) await removeParts(place, id);
    throw error;
  }
}

/** What an upload that failed has left in the pod, when its script was killed; else the script sees to it. */
async function removeParts(
  { connection, container, directory, monitor }: TransferPlace,
  id: string,
): Promise<void> {
  const signal = AbortSignal.any([AbortSignal.timeout(removalMs), monitor.failure]);
  try {
    await exec(connection, container, { command: removalCommand(directory, id), signal });
  } catch {
    // The error of the upload is the one to tell; what is left goes with the pod.
  }
}
