import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { ProxyAgent, type buildConnector, type Dispatcher } from 'undici';
import { InputError, messageOf } from '../../../base/errors.ts';
import type { Connection, KubeConfigOptions } from './connection.ts';
import { connectPlainly } from './plain-kube-config.ts';
import { connectOptions, createPool, poolOptions } from './pool.ts';

type ApplicableOptions = Omit<RequestOptions, 'headers'> & { headers?: Record<string, string> };

/** How long headers are used again before the kubeconfig's user is asked again (token files rotate). */
const credentialsMs = 10_000;

/**
 * Loads the kubeconfig and prepares the connection. client-node is loaded here alone, and only for what it takes more than
 * reading a file: it is large.
 * @throws InputError when there is no such file, context, cluster or user
 */
export async function connect(options: KubeConfigOptions): Promise<Connection> {
  const plain = connectPlainly(options);
  if (plain !== undefined) return plain;
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = load(new KubeConfig(), options);
  if (config.getCurrentContext() === 'loaded-context') throw noCluster();
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw withoutCluster(config, options);
  // client-node refuses http:// unless verification is off; there is nothing to verify on it.
  if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true });
  const context = config.getContextObject(config.getCurrentContext());
  return new KubeConfigConnection(config, {
    name: config.getCurrentContext(),
    server: cluster.server.replace(/\/+$/, ''),
    namespace: context?.namespace ?? 'default',
    dispatcher: await dispatcherFor(config),
  });
}

function withoutCluster(config: KubeConfig, { kubeconfig }: KubeConfigOptions): InputError {
  const name = config.getCurrentContext() as string | undefined;
  const file = `the kubeconfig ${namesOf(kubeconfig)}`;
  if (name === undefined || name === '') {
    return new InputError(`${file} has no current context`, {
      hint: 'set one by `kubectl config use-context`, or name one by --cluster',
    });
  }
  return new InputError(`the context "${name}" names no cluster of ${file}`);
}

/** client-node falls back to localhost:8080, which is no cluster that was meant. */
function noCluster(): InputError {
  return new InputError('no kubeconfig found, and not running inside a cluster', {
    hint: 'set --kubeconfig or $KUBECONFIG, or use --cluster sandbox',
  });
}

/** The file or files that are read, as the user named them. */
function namesOf(kubeconfig: string | undefined): string {
  return kubeconfig ?? (process.env['KUBECONFIG'] || join(homedir(), '.kube', 'config'));
}

function load(config: KubeConfig, { kubeconfig, context }: KubeConfigOptions): KubeConfig {
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    // The lines of the file that the parser quotes below its message may hold credentials.
    const [reason = ''] = messageOf(error).split('\n', 1);
    throw new InputError(`the kubeconfig ${namesOf(kubeconfig)} cannot be read: ${reason}`, {
      cause: error,
      hint: 'set --kubeconfig or $KUBECONFIG, or use --cluster sandbox',
    });
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new InputError(`the kubeconfig ${namesOf(kubeconfig)} has no context "${context}"`, {
        hint: known.length === 0 ? 'it has no contexts' : `it has: ${known.join(', ')}`,
      });
    }
    config.setCurrentContext(context);
  }
  return config;
}

/** A pool of our own where we can, so that a watch may be silent; client-node's where a SOCKS proxy asks for it. */
async function dispatcherFor(config: KubeConfig): Promise<Dispatcher> {
  const tls: ApplicableOptions = {};
  await config.applyToHTTPSOptions(tls);
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = tls;
  const given = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const asked = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const cluster = config.getCurrentCluster();
  const wanted = config.createDispatcherOptions(cluster, asked);
  switch (wanted.type) {
    case 'proxy':
      return new ProxyAgent({
        ...poolOptions,
        uri: wanted.uri,
        requestTls: wanted.requestTls as buildConnector.BuildOptions,
        connect: connectOptions,
      });
    case 'socks': {
      let made: Dispatcher | undefined;
      await config.applySecurityAuthentication({
        setHeaderParam: () => undefined,
        setDispatcher: (dispatcher: Dispatcher) => (made = dispatcher),
      } as unknown as Parameters<KubeConfig['applySecurityAuthentication']>[0]);
      if (made === undefined)
        throw new InputError(`the proxy ${wanted.uri} of the kubeconfig cannot be used`);
      return made;
    }
    case 'agent':
      return createPool(wanted.connect as buildConnector.BuildOptions);
    case 'none':
      return createPool({});
  }
}

class KubeConfigConnection implements Connection {
  readonly name: string;
  readonly server: string;
  readonly namespace: string;
  readonly dispatcher: Dispatcher;
  readonly #config: KubeConfig;
  #applied: { options: Promise<ApplicableOptions>; at: number } | undefined;

  constructor(
    config: KubeConfig,
    identity: Pick<Connection, 'name' | 'server' | 'namespace' | 'dispatcher'>,
  ) {
    this.#config = config;
    this.name = identity.name;
    this.server = identity.server;
    this.namespace = identity.namespace;
    this.dispatcher = identity.dispatcher;
  }

  async headers(): Promise<Record<string, string>> {
    const { headers, auth } = await this.#apply();
    if (typeof auth !== 'string') return { ...headers };
    return { ...headers, Authorization: `Basic ${Buffer.from(auth).toString('base64')}` };
  }

  async socketOptions(): Promise<ConnectionOptions & { headers: Record<string, string>; agent?: unknown }> {
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername, agent } = await this.#apply();
    const given = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const proxied = this.#config.getCurrentCluster()?.proxyUrl !== undefined;
    return { ...tls, headers: await this.headers(), ...(proxied ? { agent } : {}) };
  }

  forgetCredentials(): void {
    this.#applied = undefined;
  }

  close(): Promise<void> {
    return this.dispatcher.destroy();
  }

  #apply(): Promise<ApplicableOptions> {
    if (this.#applied === undefined || performance.now() - this.#applied.at > credentialsMs) {
      this.#applied = { options: this.#fresh(), at: performance.now() };
    }
    return this.#applied.options;
  }

  async #fresh(): Promise<ApplicableOptions> {
    const options: ApplicableOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      this.#applied = undefined;
      throw new InputError(`the kubeconfig's user cannot be used: ${messageOf(error)}`, { cause: error });
    }
    return options;
  }
}
