import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Credentials } from './credentials.ts';
import { verifyToken } from './credentials.ts';
import { StatusError } from './status-error.ts';

/** Who sends a request: by client certificate or by token. @throws StatusError Unauthorized. */
export function userOf(request: IncomingMessage, credentials: Credentials): string {
  const { socket } = request;
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token !== undefined) {
    const user = verifyToken(credentials.tokenSecret, token);
    if (user !== undefined) return user;
  } else if (socket instanceof TLSSocket && socket.authorized) {
    return String(socket.getPeerCertificate().subject.CN);
  }
  throw new StatusError('Unauthorized', 'Unauthorized');
}
