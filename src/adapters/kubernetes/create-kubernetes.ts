import { defined } from '../../base/defined.ts';
import type { Agents, AgentSpec } from '../../ports/agent.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { Leases } from '../../ports/leases.ts';
import type { RunStore } from '../../ports/run-record.ts';
import { KubernetesAgents } from './agent/agents.ts';
import type { KubeConfigOptions } from './client/connection.ts';
import { connect } from './client/kube-config.ts';
import { machineClock } from './client/machine-clock.ts';
import { Requests } from './client/requests.ts';
import { KubernetesCluster } from './cluster.ts';
import { KubernetesLeases } from './lease/kubernetes-leases.ts';
import { silentLog, type Log } from './log.ts';
import { KubernetesPodAccess } from './pod-access.ts';
import { defaultSettings, type KubernetesSettings } from './settings.ts';
import { findOrphans, type Orphans } from './record/orphans.ts';
import { KubernetesRunStore } from './record/run-store.ts';
import { SharedWatches } from './watch/shared-watch.ts';

/** Which cluster, and how patiently. */
export interface KubernetesOptions extends KubeConfigOptions, Partial<KubernetesSettings> {
  logger?: Log;
  /** Whether a holder of a lease is known to have ended, so that its lease is not waited for. */
  isEnded?: (holder: string) => boolean;
}

/** One cluster's API, with all that a process needs of it; watches and connections are shared. */
export interface Kubernetes {
  cluster: Cluster;
  pods: PodAccess;
  agents: Agents;
  runs: RunStore;
  leases: Leases;
  /** Asks whether an agent pod would be taken, and makes nothing. @throws AgentError */
  rehearseAgent(spec: AgentSpec, options: CallOptions): Promise<void>;
  /** What is left in a namespace of runs without an owner; takes a little longer than a lease lasts. */
  findOrphans(namespace: string, options: CallOptions): Promise<Orphans>;
  /** HTTP requests sent since the start. */
  requestCount(): number;
  /** Ends watches and connections; pods and records stay. */
  close(): Promise<void>;
}

/** Connects to a cluster. @throws InputError when the kubeconfig or its context is not there */
export async function createKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const { logger: log = silentLog, kubeconfig, context, isEnded, ...given } = options;
  const settings = { ...defaultSettings, ...given };
  const connection = await connect({
    ...defined({ kubeconfig, context }),
  });
  const requests = new Requests(connection, settings);
  const cluster = new KubernetesCluster(requests, settings.watchSilenceMs);
  const watches = new SharedWatches(cluster);
  const agents = new KubernetesAgents({ cluster, connection, watches, settings, clock: machineClock, log });
  const { leaseMs } = settings;
  const leases = new KubernetesLeases({
    cluster,
    log,
    leaseMs,
    clock: machineClock,
    ...defined({ isEnded }),
  });
  const runs = new KubernetesRunStore({ cluster, log });
  return {
    cluster,
    runs,
    leases,
    rehearseAgent: (spec, call) => agents.rehearse(spec, call),
    findOrphans: (namespace, call) => findOrphans({ cluster, runs, leaseMs }, namespace, call),
    pods: new KubernetesPodAccess(requests),
    agents,
    requestCount: () => requests.sent,
    async close() {
      leases.dispose();
      agents.dispose();
      watches.stop();
      requests.stop();
      await connection.close();
    },
  };
}
