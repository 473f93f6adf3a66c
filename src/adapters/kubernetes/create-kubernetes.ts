import type { Agents } from '../../ports/agent.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import { KubernetesAgents } from './agent/agents.ts';
import { connect, type KubeConfigOptions } from './client/kube-config.ts';
import { Requests } from './client/requests.ts';
import { KubernetesCluster } from './cluster.ts';
import { silentLog, type Log } from './log.ts';
import { KubernetesPodAccess } from './pod-access.ts';
import { defaultSettings, type KubernetesSettings } from './settings.ts';
import { SharedWatches } from './watch/shared-watch.ts';

/** Which cluster, and how patiently. */
export interface KubernetesOptions extends KubeConfigOptions, Partial<KubernetesSettings> {
  logger?: Log;
}

/** One cluster's API, with all that a process needs of it; watches and connections are shared. */
export interface Kubernetes {
  cluster: Cluster;
  pods: PodAccess;
  agents: Agents;
  /** HTTP requests sent since the start. */
  requestCount(): number;
  /** Ends watches and connections; pods and records stay. */
  close(): Promise<void>;
}

/** Connects to a cluster. @throws InputError when the kubeconfig or its context is not there */
export async function createKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const { logger: log = silentLog, kubeconfig, context, ...given } = options;
  const settings = { ...defaultSettings, ...given };
  const connection = await connect({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  const requests = new Requests(connection, settings);
  const cluster = new KubernetesCluster(requests);
  const watches = new SharedWatches(cluster);
  const agents = new KubernetesAgents({ cluster, connection, watches, settings, log });
  return {
    cluster,
    pods: new KubernetesPodAccess(requests),
    agents,
    requestCount: () => requests.sent,
    async close() {
      agents.dispose();
      watches.stop();
      requests.stop();
      await connection.close();
    },
  };
}
