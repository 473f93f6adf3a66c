import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { UnauthorizedError, type ClusterError } from '../../../ports/cluster-errors.ts';
import { errorOfConnection, errorOfResponse, parseStatusBody, retryAfterMs } from '../client/errors.ts';
import { headerOf, type Connection } from '../client/connection.ts';

/** A streaming subresource to open. */
export interface SocketRequest {
  /** Path and query below the server's address. */
  path: string;
  /** In words, for errors. */
  what: string;
  protocols: readonly string[];
  /** Milliseconds that the handshake may take, where that is less than usual. */
  silenceMs?: number;
}

/** What opening may take, in milliseconds: TLS, the API server's way to the kubelet, the start of the command. */
const openMs = 30_000;

/**
 * Opens a WebSocket of the API; once more with new credentials when they were not accepted. An error of its network
 * connection is reported by its event `error`.
 * @throws ClusterError when it is refused or cannot be reached; `signal.reason` after an abort
 */
export async function openSocket(
  connection: Connection,
  request: SocketRequest,
  signal: AbortSignal,
): Promise<WebSocket> {
  try {
    return await openOnce(connection, request, signal);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    connection.forgetCredentials();
    return openOnce(connection, request, signal);
  }
}

async function openOnce(
  connection: Connection,
  request: SocketRequest,
  signal: AbortSignal,
): Promise<WebSocket> {
  signal.throwIfAborted();
  const options = await connection.socketOptions();
  const socket = new WebSocket(
    connection.server.replace(/^http/, 'ws') + request.path,
    [...request.protocols],
    {
      ...options,
      handshakeTimeout: Math.min(openMs, request.silenceMs ?? openMs),
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: 64 * 1024 * 1024,
    } as ConstructorParameters<typeof WebSocket>[2],
  );
  return new Promise<WebSocket>((resolve, reject) => {
    const settle = () => {
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners('open');
      socket.removeAllListeners('unexpected-response');
      socket.removeListener('error', failed);
      socket.on('error', () => undefined); // its owner is notified by `close`
    };
    const abort = () => {
      settle();
      socket.terminate();
      reject(signal.reason as Error);
    };
    const failed = (error: Error) => {
      settle();
      reject(errorOfConnection(error, request.what, connection.server));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', failed);
    // Of a reset, ws itself tells no more than the code 1006.
    socket.once('upgrade', (response) => {
      response.socket.once('error', (error) => socket.emit('error', error));
    });
    socket.once('open', () => {
      // What arrives before the owner listens must wait in the socket.
      socket.pause();
      settle();
      resolve(socket);
    });
    socket.once('unexpected-response', (_, response) => {
      void refusal(response, request.what).then((error) => {
        settle();
        socket.terminate();
        reject(error);
      });
    });
  });
}

async function refusal(response: IncomingMessage, what: string): Promise<ClusterError> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > 64 * 1024) break;
      parts.push(part);
    }
  } catch {
    // The status line is all that came; it is enough.
  }
  const body = parseStatusBody(Buffer.concat(parts).toString('utf8'));
  const retryAfter = headerOf(response.headers, 'retry-after');
  const refused = { status: response.statusCode ?? 500, body, retryAfter };
  const error = errorOfResponse(refused, what);
  const waitMs = retryAfterMs(refused, Date.now());
  return waitMs === undefined ? error : Object.assign(error, { retryAfterMs: waitMs });
}
