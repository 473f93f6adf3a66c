import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { kubeconfigOf, loadCredentials } from './api/credentials.ts';
import { createApiServer } from './api/server.ts';
import { startControllers } from './controllers/index.ts';
import { createObjects } from './store/create-objects.ts';
import type { Objects } from './store/objects.ts';

/** Options of {@link startSandbox}. */
export interface SandboxOptions {
  /** Where all state lives; made when it is not there. */
  folder: string;
  /** 0, the default, takes the port that the sandbox had before, or a free one. */
  port?: number;
}

/** A running sandbox. */
export interface Sandbox {
  /** `https://127.0.0.1:PORT`. */
  address: string;
  /** The path of a kubeconfig for it. */
  kubeconfig: string;
  objects: Objects;
  close(): Promise<void>;
}

/**
 * Starts the whole sandbox in this process.
 * @throws InputError when the state is damaged or another process uses it.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const credentials = await loadCredentials(folder);
  const objects = createObjects(join(folder, 'objects.db'));
  let ready = false;
  const server = createApiServer({ objects, credentials, isReady: () => ready });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(credentials, address), { mode: 0o600 });
  const controllers = startControllers(objects);
  ready = true;
  return {
    address,
    kubeconfig,
    objects,
    async close() {
      controllers.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      objects.close();
    },
  };
}
