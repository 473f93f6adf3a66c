import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

type ClusterEntry = Record<string, unknown> & { server: string };

interface KubeconfigFile {
  'current-context': string;
  clusters: { name: string; cluster: ClusterEntry }[];
  contexts: { name: string; context: { cluster: string; user: string } }[];
  users: { name: string; user: Record<string, string> }[];
}

/** How the API of a kubeconfig is reached, and with which credentials. */
export interface ApiAddress {
  host: string;
  port: number;
  cluster: ClusterEntry;
  user: Record<string, string>;
}

/** Reads a kubeconfig's current context. */
export async function readAddress(kubeconfig: string): Promise<ApiAddress> {
  const { cluster, user } = currentOf(await readKubeconfig(kubeconfig));
  const { hostname: host, port } = new URL(cluster.server);
  return { host, port: Number(port === '' ? 443 : port), cluster, user };
}

/** Writes a kubeconfig whose current cluster is another one. */
export async function redirectKubeconfig(
  kubeconfig: string,
  cluster: ClusterEntry,
): Promise<{ file: string; remove: () => Promise<void> }> {
  const config = await readKubeconfig(kubeconfig);
  const before = currentOf(config).cluster;
  for (const entry of config.clusters) if (entry.cluster === before) entry.cluster = cluster;
  const folder = await mkdtemp(join(tmpdir(), 'slipway-proxy-'));
  const file = join(folder, 'kubeconfig');
  await writeFile(file, stringify(config), { mode: 0o600 });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function readKubeconfig(file: string): Promise<KubeconfigFile> {
  return parse(await readFile(file, 'utf8')) as KubeconfigFile;
}

function currentOf(config: KubeconfigFile): { cluster: ClusterEntry; user: Record<string, string> } {
  const { context } = config.contexts.find(({ name }) => name === config['current-context'])!;
  const { cluster } = config.clusters.find(({ name }) => name === context.cluster)!;
  return { cluster, user: config.users.find(({ name }) => name === context.user)?.user ?? {} };
}
