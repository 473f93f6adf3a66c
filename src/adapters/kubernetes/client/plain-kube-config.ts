import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { Dispatcher } from 'undici';
import { parse } from 'yaml';
import * as z from '../../../base/zod.ts';
import type { Connection, KubeConfigOptions } from './connection.ts';
import { createPool } from './pool.ts';

/** Strict: a key that is not named here (proxy-url ...) needs all of client-node. */
const Cluster = z.strictObject({
  server: z.url({ protocol: /^https?$/ }),
  'certificate-authority': z.optional(z.string()),
  'certificate-authority-data': z.optional(z.string()),
  'insecure-skip-tls-verify': z.optional(z.boolean()),
  'tls-server-name': z.optional(z.string()),
  extensions: z.optional(z.unknown()),
});

/** Strict too: exec plugins, auth providers, impersonation, passwords. */
const User = z.strictObject({
  'client-certificate': z.optional(z.string()),
  'client-certificate-data': z.optional(z.string()),
  'client-key': z.optional(z.string()),
  'client-key-data': z.optional(z.string()),
  token: z.optional(z.string()),
});

const Context = z.object({ cluster: z.string(), user: z.string(), namespace: z.optional(z.string()) });

/** Only the entries that the context names are looked at closely. */
const File = z.object({
  'current-context': z.optional(z.string()),
  clusters: z.array(z.object({ name: z.string(), cluster: z.unknown() })),
  contexts: z.array(z.object({ name: z.string(), context: z.unknown() })),
  users: z.array(z.object({ name: z.string(), user: z.unknown() })),
});

/**
 * Reads a kubeconfig of the simple kind: one file, whose user has a certificate or a token. That is most of them, and it
 * saves loading client-node, which takes longer than a whole request.
 * @returns undefined when there is more to it (exec plugins, proxies, several files, a mistake): client-node's part
 */
export function connectPlainly(options: KubeConfigOptions): Connection | undefined {
  const file = fileOf(options);
  if (file === undefined) return undefined;
  try {
    const config = File.parse(parse(readFileSync(file, 'utf8')));
    const name = options.context ?? config['current-context'];
    const context = Context.parse(config.contexts.find((entry) => entry.name === name)?.context);
    const cluster = Cluster.parse(config.clusters.find((entry) => entry.name === context.cluster)?.cluster);
    const user = User.parse(config.users.find((entry) => entry.name === context.user)?.user);
    return new PlainConnection({
      name: name ?? '',
      server: cluster.server.replace(/\/+$/, ''),
      namespace: context.namespace ?? 'default',
      headers: user.token === undefined ? {} : { Authorization: `Bearer ${user.token}` },
      tls: tlsOf(cluster, user, dirname(file)),
    });
  } catch {
    return undefined; // what is wrong with it is told by client-node, or it is not
  }
}

function fileOf({ kubeconfig }: KubeConfigOptions): string | undefined {
  const named = kubeconfig ?? process.env['KUBECONFIG'] ?? '';
  if (named !== '') return kubeconfig === undefined && named.includes(delimiter) ? undefined : named;
  const usual = join(homedir(), '.kube', 'config');
  return existsSync(usual) ? usual : undefined;
}

function tlsOf(
  cluster: z.infer<typeof Cluster>,
  user: z.infer<typeof User>,
  folder: string,
): ConnectionOptions {
  const bytes = (data: string | undefined, file: string | undefined): Buffer | undefined => {
    if (data !== undefined) return Buffer.from(data, 'base64');
    return file === undefined ? undefined : readFileSync(resolve(folder, file));
  };
  const given: ConnectionOptions = {
    ca: bytes(cluster['certificate-authority-data'], cluster['certificate-authority']),
    cert: bytes(user['client-certificate-data'], user['client-certificate']),
    key: bytes(user['client-key-data'], user['client-key']),
    servername: cluster['tls-server-name'],
    rejectUnauthorized: cluster['insecure-skip-tls-verify'] === true ? false : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

interface PlainParts {
  name: string;
  server: string;
  namespace: string;
  headers: Record<string, string>;
  tls: ConnectionOptions;
}

/** A connection whose credentials stay the same. */
class PlainConnection implements Connection {
  readonly name: string;
  readonly server: string;
  readonly namespace: string;
  readonly dispatcher: Dispatcher;
  readonly #parts: PlainParts;

  constructor(parts: PlainParts) {
    this.name = parts.name;
    this.server = parts.server;
    this.namespace = parts.namespace;
    this.#parts = parts;
    this.dispatcher = createPool(parts.tls as Parameters<typeof createPool>[0]);
  }

  headers(): Promise<Record<string, string>> {
    return Promise.resolve(this.#parts.headers);
  }

  socketOptions(): Promise<ConnectionOptions & { headers: Record<string, string> }> {
    return Promise.resolve({ ...this.#parts.tls, headers: this.#parts.headers });
  }

  forgetCredentials(): void {
    // There are no others.
  }

  close(): Promise<void> {
    return this.dispatcher.destroy();
  }
}
