import { Readable } from 'node:stream';
import type { ChannelSocket } from '../streams/channel-socket.ts';
import { ConnectionLostError } from '../streams/connection-lost.ts';
import { channels } from '../streams/exec.ts';
import { parseExecStatus } from '../streams/exec-status.ts';
import { TransferError } from './transfer-error.ts';

const longestComplaint = 4096;
/** GNU tar ends with 1 when a file changed while it was read: the archive is whole all the same. */
const harmless = /file changed as we read it|file removed before we read it|socket ignored/;

/** Leaves the excludes (`$1` arguments) away where tar does not know them: the reader gets more than it wants then. */
const tarScript =
  'n=$1; shift; tar --exclude=./x -cf /dev/null -C / dev/null 2>/dev/null || shift "$n"; exec tar "$@"';

/** The command that writes the paths as a tar stream. `excludes` are relative to the directory, for a download of `.`. */
export function downloadCommand(
  directory: string,
  paths: readonly string[],
  excludes: readonly string[],
): string[] {
  // Members are called ./a/b: a pattern that begins alike matches from the top, never a folder of that name deeper down.
  const options = excludes.map((path) => `--exclude=./${path}`);
  const tar = ['-C', directory, '-cf', '-', '--', ...paths];
  if (options.length === 0) return ['tar', ...tar];
  return ['/bin/sh', '-c', tarScript, 'slipway', String(options.length), ...options, ...tar];
}

/** Bytes of paths that are arguments; a request's line has no room for many more. */
const mostArguments = 16 * 1024;

/**
 * Takes `$1` bytes of standard input for paths, a line each, and writes them as archives of some hundred paths one after
 * the other: not each tar reads its paths from a file. GNU's takes a backslash in a path for the beginning of another
 * character unless it is told not to.
 */
const listScript = `plain=--no-unquote
tar "$plain" -cf /dev/null -C / dev/null 2>/dev/null || plain=
export plain
head -c "$1" | tr '\\n' '\\0' | xargs -0 /bin/sh -c '
  directory=$1
  shift
  tar $plain -C "$directory" -cf - -- "$@"
  code=$?
  [ "$code" -le 1 ] || exit 255
  exit "$code"' slipway "$2"`;

/** How a download is asked for. */
export interface DownloadRequest {
  command: string[];
  /** For the command's standard input. */
  input?: Buffer;
}

/** The command that writes the paths as a tar stream: by arguments, or with the paths as its input where they are many. */
export function downloadRequest(
  directory: string,
  paths: readonly string[],
  excludes: readonly string[],
): DownloadRequest {
  const input = Buffer.from(paths.map((path) => `${path}\n`).join(''));
  if (input.length <= mostArguments && !input.includes('\\'))
    return { command: downloadCommand(directory, paths, excludes) };
  return { command: ['/bin/sh', '-c', listScript, 'slipway', String(input.length), directory], input };
}

/**
 * The standard output of an exec as a stream. It ends only when the command has said that it succeeded; a connection that
 * goes before is an error. Destroying it ends the exec.
 */
export class ExecOutput extends Readable {
  readonly #socket: ChannelSocket;
  readonly #what: string;
  #complaint = '';
  #reading = false;
  #failure: Error | undefined;

  /** @param what in words, for errors: `download from …` */
  constructor(socket: ChannelSocket, what: string) {
    super({ highWaterMark: 512 * 1024 });
    this.#socket = socket;
    this.#what = what;
  }

  /** Why the transfer broke; undefined while it has not, and when it is the reader who ended it. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#pump().catch((error: unknown) => {
      this.#failure = error as Error;
      this.destroy(this.#failure);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.close();
    done(error);
  }

  async #pump(): Promise<void> {
    for (;;) {
      const message = await this.#socket.next();
      if (this.destroyed) return;
      if (message === undefined) {
        throw new ConnectionLostError(
          `cannot ${this.#what}: the connection ended (${this.#socket.closeReason ?? ''})`,
        );
      }
      if (message.channel === channels.stderr) {
        this.#complaint = (this.#complaint + message.data.toString('utf8')).slice(0, longestComplaint);
      } else if (message.channel === channels.status) {
        this.#finish(message.data.toString('utf8'));
        return;
      } else if (message.data.length > 0 && !this.push(message.data)) {
        this.#reading = false;
        return;
      }
    }
  }

  #finish(status: string): void {
    const result = parseExecStatus(status);
    const complaint = this.#complaint.trim();
    if (result.type === 'lost') throw new ConnectionLostError(`cannot ${this.#what}: ${result.reason}`);
    // xargs ends with 123 when one of its commands ended with 1.
    const isMild = result.exitCode === 1 || result.exitCode === 123;
    if (result.exitCode !== 0 && !(isMild && harmless.test(complaint))) {
      const ending = `tar ended with ${String(result.exitCode)}`;
      throw new TransferError(`cannot ${this.#what}: ${complaint === '' ? ending : complaint}`);
    }
    this.push(null);
  }
}
