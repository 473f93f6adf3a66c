import type { Readable } from 'node:stream';
import { UnreachableError } from '../../../ports/cluster-errors.ts';
import type { ChannelSocket } from '../streams/channel-socket.ts';
import { channels, sendStdin } from '../streams/exec.ts';
import { parseExecStatus } from '../streams/exec-status.ts';
import { TransferError } from './transfer-error.ts';

/** Bytes of a chunk: the receiver starts a dd for each. */
const chunkBytes = 4 * 1024 * 1024;
const longestComplaint = 4096;
const receipt = new RegExp(`${String.fromCharCode(0x1e)}SLIPWAY received (\\d+)\\n`);

/**
 * Unpacks standard input into the directory `$1`. Where standard input cannot be closed (v4.channel.k8s.io) its end must be
 * said: the tar stream comes in chunks, each after a line with its length, and a last line `0`. What was received whole is
 * said in a record on standard error; without it the transfer was cut off, whatever tar thinks.
 */
const uploadScript = String.raw`
mkdir -p "$1" && cd "$1" || exit 73
command -v tar >/dev/null || { echo 'there is no tar in this container' >&2; exit 127; }
if dd if=/dev/null of=/dev/null bs=1 count=1 iflag=fullblock 2>/dev/null; then
  part() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
else
  part() { head -c "$1"; }
fi
total=0
while read -r bytes; do
  [ "$bytes" != 0 ] || { printf '\036SLIPWAY received %s\n' "$total" >&2; break; }
  part "$bytes" || break
  total=$((total + bytes))
done | { tar -xof -; code=$?; cat >/dev/null; exit "$code"; }
`;

/** The command that takes an upload into a directory. */
export function uploadCommand(directory: string): string[] {
  return ['/bin/sh', '-c', uploadScript, 'slipway', directory];
}

/**
 * Sends a tar stream to the upload command; at most two chunks are in memory.
 * @throws TransferError when it could not be unpacked; UnreachableError when the connection broke: the stream is used up then
 */
export async function sendTar(socket: ChannelSocket, tar: Readable, what: string): Promise<void> {
  const outcome = receiveOutcome(socket, what);
  let sent = 0;
  const sending = (async () => {
    for await (const chunk of inChunks(tar)) {
      if (socket.closeReason !== undefined) return;
      await socket.send(channels.stdin, Buffer.from(`${String(chunk.length)}\n`));
      await sendStdin(socket, chunk);
      sent += chunk.length;
    }
    await socket.send(channels.stdin, Buffer.from('0\n'));
  })();
  // A source that fails ends the transfer; a transfer that fails ends the source.
  const failure = sending.then(
    () => undefined,
    (error: unknown) => {
      socket.close();
      return { error };
    },
  );
  try {
    const received = await outcome;
    await failure;
    if (received !== sent)
      throw new UnreachableError(`cannot ${what}: ${String(received)} of ${String(sent)} bytes arrived`);
  } catch (error) {
    tar.destroy();
    const source = await failure;
    throw source === undefined ? error : source.error;
  }
}

/** Waits for the command's own word. @returns bytes that arrived */
async function receiveOutcome(socket: ChannelSocket, what: string): Promise<number> {
  let said = '';
  for (;;) {
    const message = await socket.next();
    if (message === undefined) {
      throw new UnreachableError(`cannot ${what}: the connection ended (${socket.closeReason ?? ''})`);
    }
    if (message.channel === channels.stderr)
      said = (said + message.data.toString('utf8')).slice(-longestComplaint);
    if (message.channel !== channels.status) continue;
    const result = parseExecStatus(message.data.toString('utf8'));
    const received = receipt.exec(said)?.[1];
    const complaint = said.replace(receipt, '').trim();
    if (result.type === 'exited' && result.exitCode === 0 && received !== undefined) return Number(received);
    if (result.type === 'lost') throw new UnreachableError(`cannot ${what}: ${result.reason}`);
    throw new TransferError(
      `cannot ${what}: ${complaint === '' ? `tar ended with ${String(result.exitCode)}` : complaint}`,
    );
  }
}

async function* inChunks(source: Readable): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const part of source as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size < chunkBytes) continue;
    const whole = Buffer.concat(parts, size);
    parts = [];
    size = 0;
    yield whole;
  }
  if (size > 0) yield Buffer.concat(parts, size);
}
