import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, isIP, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

/** A TCP proxy before an API server whose connections can be cut and frozen. TLS goes through it untouched. */
export interface CutProxy {
  /** A kubeconfig that goes through the proxy. */
  kubeconfig: string;
  /** Connections that are open now. */
  open(): number;
  /** Resets every connection. */
  cut(): void;
  /** While true, every connection is cut and new ones are reset: an API server that is down. */
  setDown(isDown: boolean): void;
  /** Keeps every present connection open and lets nothing more through it; new ones work. */
  freeze(): void;
  /** Called with every chunk from the server; for a test that cuts at a certain byte. */
  onData: ((bytes: number) => void) | undefined;
  close(): Promise<void>;
}

interface KubeConfigFile {
  'current-context': string;
  clusters: { name: string; cluster: Record<string, unknown> & { server: string } }[];
  contexts: { name: string; context: { cluster: string } }[];
}

/** Rewrites the server of a kubeconfig's current cluster; the certificate is still checked against the old name. */
export async function redirectKubeconfig(
  kubeconfig: string,
  change: (cluster: Record<string, unknown> & { server: string }) => Record<string, unknown>,
): Promise<{ file: string; server: URL; remove: () => Promise<void> }> {
  const config = parse(await readFile(kubeconfig, 'utf8')) as KubeConfigFile;
  const context = config.contexts.find(({ name }) => name === config['current-context'])!.context;
  const entry = config.clusters.find(({ name }) => name === context.cluster)!;
  const server = new URL(entry.cluster.server);
  entry.cluster = change(entry.cluster) as typeof entry.cluster;
  const folder = await mkdtemp(join(tmpdir(), 'slipway-proxy-'));
  const file = join(folder, 'kubeconfig');
  await writeFile(file, stringify(config), { mode: 0o600 });
  return { file, server, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts the proxy before the API server of a kubeconfig. */
export async function startCutProxy(kubeconfig: string): Promise<CutProxy> {
  const pairs = new Set<{ client: Socket; upstream: Socket; frozen: boolean }>();
  let target = new URL('http://unset');
  let down = false;
  const server = createServer((client) => {
    if (down) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(target.port === '' ? 443 : target.port), target.hostname);
    const pair = { client, upstream, frozen: false };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    const forward = (from: Socket, to: Socket, hear?: (bytes: number) => void) => {
      from.on('data', (chunk: Buffer) => {
        hear?.(chunk.length);
        if (pair.frozen || to.destroyed) return;
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
      from.on('error', end);
      from.on('close', end);
    };
    forward(client, upstream);
    forward(upstream, client, (bytes) => proxy.onData?.(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = await redirectKubeconfig(kubeconfig, (cluster) => ({
    // The certificate is checked against the name that it was before; an address cannot be sent as one.
    ...(isIP(new URL(cluster.server).hostname) === 0
      ? { 'tls-server-name': new URL(cluster.server).hostname }
      : {}),
    ...cluster,
    server: `${new URL(cluster.server).protocol}//127.0.0.1:${String(port)}`,
  }));
  target = config.server;
  const proxy: CutProxy = {
    kubeconfig: config.file,
    open: () => pairs.size,
    cut() {
      for (const { client, upstream } of [...pairs]) {
        client.resetAndDestroy();
        upstream.destroy();
      }
    },
    setDown(isDown) {
      down = isDown;
      if (isDown) proxy.cut();
    },
    freeze() {
      for (const pair of pairs) pair.frozen = true;
    },
    onData: undefined,
    async close() {
      proxy.cut();
      await new Promise((resolve) => server.close(resolve));
      await config.remove();
    },
  };
  return proxy;
}
