import type { Socket } from 'node:net';

const longestHeaderBytes = 300;

/**
 * How the two sides of the relay's unix sockets begin: a line `WORD WORD`, answered by a line `ok` or the code of a
 * system error (`ECONNREFUSED`); then the bytes of the connection follow. Nothing is sent before the answer.
 */

/** Sends the header and waits for the answer. Rejects with an error of the code that was answered. */
export async function sendHeader(socket: Socket, words: readonly string[]): Promise<void> {
  socket.write(`${words.join(' ')}\n`);
  const answer = await readLine(socket);
  if (answer === 'ok') return;
  socket.destroy();
  throw Object.assign(new Error(`connect ${answer} ${words.join(':')}`), { code: answer });
}

/** The header's words; the side that accepts it writes the answer. */
export async function acceptHeader(socket: Socket): Promise<string[]> {
  return (await readLine(socket)).split(' ');
}

/** Reads one line and leaves the rest in the stream. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const stop = (): void => {
      socket.off('readable', read).off('error', fail).off('end', end).off('close', end);
    };
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    const end = (): void =>
      fail(Object.assign(new Error('the relay ended the connection'), { code: 'ECONNRESET' }));
    const read = (): void => {
      for (;;) {
        const chunk = socket.read(1) as Buffer | null;
        if (chunk === null) return;
        if (chunk[0] === 10) {
          stop();
          resolve(line);
          return;
        }
        line += chunk.toString('latin1');
        if (line.length > longestHeaderBytes) {
          fail(new Error('the header is too long'));
          return;
        }
      }
    };
    socket.on('readable', read).once('error', fail).once('end', end).once('close', end);
  });
}
