import type { Readable } from 'node:stream';
import type { ChannelSocket } from '../streams/channel-socket.ts';
import { ConnectionLostError } from '../streams/connection-lost.ts';
import { channels, sendStdin } from '../streams/exec.ts';
import { parseExecStatus } from '../streams/exec-status.ts';
import { TransferError } from './transfer-error.ts';

/** Bytes of a chunk: the receiver starts a dd for each. */
const chunkBytes = 4 * 1024 * 1024;
const longestComplaint = 4096;
/** Signs of life within the time of silence. */
const signsInSilence = 4;
// eslint-disable-next-line no-restricted-syntax -- made of constants
const receipt = new RegExp(`${String.fromCharCode(0x1e)}SLIPWAY received (\\d+)\\n`);
// eslint-disable-next-line no-restricted-syntax -- made of constants
const signOfLife = new RegExp(`${String.fromCharCode(0x1e)}SLIPWAY alive\\n`, 'g');
/** The script's exit code when its standard input ended before the last line (EX_TEMPFAIL of sysexits.h). */
const cutOff = 75;

/**
 * Unpacks standard input beside the directory `$1` and puts it in its place when all is there, so that a transfer that
 * broke leaves nothing behind and one that is still at work in the pod does not disturb the next, of the same `$2`.
 * Where standard input cannot be closed (v4.channel.k8s.io) its end must be said: the tar stream comes in chunks, each
 * after a line with its length, and a last line `0`. What was received whole is said in a record on standard error;
 * without it the transfer was cut off, whatever tar thinks. Signs of life come every `$3` seconds: while tar takes nothing
 * a ping waits in the network behind what was sent, and so does its answer.
 */
const uploadScript = String.raw`
part="$1.part-$2-$$"
rm -rf "$1.part-$2-"* 2>/dev/null
mkdir -p "$part" || exit 73
(while { sleep "$3" || sleep 1; } </dev/null >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do printf '\036SLIPWAY alive\n' >&2; done) >/dev/null &
beat=$!
trap 'kill "$beat" 2>/dev/null; rm -rf "$part" "$part.whole" "$part.done"' EXIT
command -v tar >/dev/null || { echo 'there is no tar in this container' >&2; exit 127; }
if dd if=/dev/null of=/dev/null bs=1 count=1 iflag=fullblock 2>/dev/null; then
  take() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
else
  take() { head -c "$1"; }
fi
total=0
while read -r bytes; do
  [ "$bytes" != 0 ] || { echo "$total" >"$part.whole"; break; }
  take "$bytes" || break
  total=$((total + bytes))
done | { cd "$part" && tar -xof -; code=$?; cat >/dev/null; exit "$code"; }
code=$?
[ -e "$part.whole" ] || exit ${String(cutOff)}
[ "$code" = 0 ] || exit "$code"
read -r total <"$part.whole"
# Where a later attempt has begun, the part is gone: what that one puts here stays.
mv "$part" "$part.done" 2>/dev/null || exit ${String(cutOff)}
{ rm -rf "$1" && mv "$part.done" "$1"; } || exit 73
printf '\036SLIPWAY received %s\n' "$total" >&2
`;

/**
 * The command that takes an upload.
 * @param directory what it becomes; what was there before is replaced
 * @param id the same for all attempts of one upload: of earlier ones nothing stays
 * @param silenceMs after which the connection is taken for lost when nothing is heard. Milliseconds
 */
export function uploadCommand(directory: string, id: string, silenceMs: number): string[] {
  const seconds = String(silenceMs / signsInSilence / 1000);
  return ['/bin/sh', '-c', uploadScript, 'slipway', directory, id, seconds];
}

/** The command that removes what attempts of an upload have left beside the directory. */
export function removalCommand(directory: string, id: string): string[] {
  return ['/bin/sh', '-c', 'rm -rf "$1.part-$2-"*', 'slipway', directory, id];
}

/**
 * Sends a tar stream to the upload command; at most two chunks are in memory. The stream is used up, whatever comes of it.
 * @throws TransferError when it could not be unpacked; ConnectionLostError; what the stream fails with
 */
export async function sendTar(socket: ChannelSocket, tar: Readable, what: string): Promise<void> {
  const outcome = receiveOutcome(socket, what);
  let isOver = false;
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
  // A source that fails ends the transfer; a transfer that fails ends the source, which is no failure of the source.
  const failure = sending.then(
    () => undefined,
    (error: unknown) => {
      if (isOver) return undefined;
      socket.close();
      return { error };
    },
  );
  try {
    const received = await outcome;
    await failure;
    if (received !== sent)
      throw new ConnectionLostError(`cannot ${what}: ${String(received)} of ${String(sent)} bytes arrived`);
  } catch (error) {
    isOver = true;
    tar.destroy();
    socket.close(); // ends a send that waits
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
      throw new ConnectionLostError(`cannot ${what}: the connection ended (${socket.closeReason ?? ''})`);
    }
    if (message.channel === channels.stderr)
      said = (said + message.data.toString('utf8')).replace(signOfLife, '').slice(-longestComplaint);
    if (message.channel !== channels.status) continue;
    const result = parseExecStatus(message.data.toString('utf8'));
    const received = receipt.exec(said)?.[1];
    const complaint = said.replace(receipt, '').trim();
    if (result.type === 'lost') throw new ConnectionLostError(`cannot ${what}: ${result.reason}`);
    if (result.exitCode === 0 && received !== undefined) return Number(received);
    if (result.exitCode === cutOff)
      throw new ConnectionLostError(`cannot ${what}: it was cut off on its way`);
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
