import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';

/** SQLite gives the files beside a database the database's own mode. */
const database = 'objects.db';
const files = [
  `${database}-wal`,
  `${database}-shm`,
  'credentials.json',
  'kubeconfig',
  'running.json',
  'sandbox.log',
];
/** Mounted Secrets, claims and images are below these. */
const folders = ['pods', 'volumes', 'network', 'registry'];

/**
 * Makes the state folder where there is none and leaves what is in it to its owner: the objects hold Secrets, and the
 * folder may have been there before, open to everyone. Its own mode is left alone, because it may be used for other
 * things. Returns the path of the database.
 */
export function makeStatePrivate(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of folders) {
    mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    chmodSync(join(folder, name), 0o700);
  }
  const databasePath = join(folder, database);
  closeSync(openSync(databasePath, 'a', 0o600));
  chmodSync(databasePath, 0o600);
  for (const path of files.map((name) => join(folder, name))) if (existsSync(path)) chmodSync(path, 0o600);
  return databasePath;
}
