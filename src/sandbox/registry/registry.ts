import { randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createImages } from './images.ts';
import type { Images } from './images.ts';
import { RegistryError, answer, sendJson } from './routes.ts';
import { RegistryStorage } from './storage.ts';

/** Options of {@link startRegistry}. */
export interface RegistryOptions {
  /** Folder of the content; made when it is not there. */
  folder: string;
  /** 0, the default, takes the port that it had before, or a free one. */
  port?: number;
}

/** A running registry. */
export interface Registry {
  /** `127.0.0.1:PORT`; it speaks plain HTTP, which clients allow for loopback addresses. */
  address: string;
  /** Who may use it; generated once and kept in the folder. */
  credentials: { username: string; password: string };
  images: Images;
  close(): Promise<void>;
}

/** Starts an OCI registry (distribution specification 1.1) on a loopback address. */
export async function startRegistry({ folder, port = 0 }: RegistryOptions): Promise<Registry> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const storage = new RegistryStorage(folder);
  const { username, password, port: before } = loadSettings(folder);
  const server = createServer((request, response) => {
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    if (!isLoggedIn(request, `${username}:${password}`)) {
      response.setHeader('WWW-Authenticate', 'Basic realm="sandbox registry"');
      sendError(response, new RegistryError(401, 'UNAUTHORIZED', 'authentication required'));
      return;
    }
    answer(request, response, storage).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    });
  });
  const listen = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, '127.0.0.1', resolve);
    });
  // A port that somebody else has taken meanwhile is not worth refusing to start for.
  if (port === 0 && before !== 0) await listen(before).catch(() => listen(0));
  else await listen(port);
  const taken = (server.address() as AddressInfo).port;
  const settings: Settings = { username, password, port: taken };
  writeFileSync(settingsPath(folder), JSON.stringify(settings), { mode: 0o600 });

  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  const images = createImages(storage, join(folder, 'unpacked'));
  return { address: `127.0.0.1:${String(taken)}`, credentials: { username, password }, images, close };
}

interface Settings {
  username: string;
  password: string;
  port: number;
}

const settingsPath = (folder: string): string => join(folder, 'settings.json');

function loadSettings(folder: string): Settings {
  const path = settingsPath(folder);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Settings;
  return { username: 'sandbox', password: randomBytes(16).toString('hex'), port: 0 };
}

function isLoggedIn(request: IncomingMessage, login: string): boolean {
  const given = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const [actual, expected] = [Buffer.from(given, 'base64'), Buffer.from(login)];
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function sendError(response: ServerResponse, error: unknown): void {
  const known =
    error instanceof RegistryError
      ? error
      : new RegistryError(500, 'UNKNOWN', 'the registry failed', { cause: error });
  // What a client is still sending is of no use to anybody.
  if (!response.req.complete) response.setHeader('Connection', 'close');
  sendJson(response, known.status, { errors: [{ code: known.errorCode, message: known.message }] });
}
