import type { Objects } from '../store/objects.ts';
import { carryOut } from './carry-out.ts';
import { concernedBy } from './concerned.ts';
import { planDaemonSet } from './daemon-set.ts';
import { planDeployment } from './deployment.ts';
import { planBudget } from './disruption.ts';
import { planEndpoints, planLeftEndpoints } from './endpoints.ts';
import { planEvent } from './event-expiry.ts';
import { createEventRecorder } from './events.ts';
import { planCollection } from './garbage-collector.ts';
import { createInventory, kindNameOf } from './inventory.ts';
import { planJob } from './job.ts';
import { planNamespace } from './namespace.ts';
import { claim } from './ownership.ts';
import type { Controller, World } from './plan.ts';
import { planReplicaSet } from './replica-set.ts';
import { planStatefulSet } from './stateful-set.ts';
import { planClaim } from './volume-claims.ts';
import { startWorkQueue } from './work-queue.ts';

export { mayEvict } from './disruption.ts';

/** Options of {@link startControllers}. */
export interface ControllersOptions {
  /** PEM of the API server's CA, for the ConfigMap `kube-root-ca.crt` of each namespace. */
  caCertificate?: string;
  /** Milliseconds since the epoch; the machine's clock when left out. */
  now?: () => number;
  /** Gets failures that are retried: `what` is the object. */
  onError?: (error: unknown, what: string) => void;
}

/** By the kind of the objects that they bring nearer to what they should be. */
const controllersByKind: Readonly<Record<string, Controller>> = {
  Deployment: { component: 'deployment-controller', owns: 'ReplicaSet', plan: planDeployment },
  ReplicaSet: { component: 'replicaset-controller', owns: 'Pod', plan: planReplicaSet },
  StatefulSet: { component: 'statefulset-controller', owns: 'Pod', plan: planStatefulSet },
  DaemonSet: { component: 'daemonset-controller', owns: 'Pod', plan: planDaemonSet },
  Job: { component: 'job-controller', owns: 'Pod', plan: planJob },
  Service: { plan: planEndpoints },
  Endpoints: { plan: planLeftEndpoints },
  Namespace: { plan: planNamespace },
  PodDisruptionBudget: { plan: planBudget },
  PersistentVolumeClaim: { plan: planClaim },
  Event: { plan: planEvent },
};

/**
 * Starts every controller of the sandbox on one work queue of objects. They act until `close` is called; what they had
 * not done by then they do after the next start, for all they know is in the store.
 */
export function startControllers(objects: Objects, options: ControllersOptions = {}): { close(): void } {
  const { now = Date.now, onError, caCertificate } = options;
  const io = { objects, events: createEventRecorder(objects, now) };
  const cluster = createInventory();

  const isServed = (apiVersion: string, kind: string): boolean => objects.serves(apiVersion, kind);
  const queue = startWorkQueue(reconcile, (error, uid) => {
    const { kind = '', metadata } = cluster.byUid(uid) ?? {};
    onError?.(error, `${kind} ${metadata?.namespace ?? ''}/${metadata?.name ?? uid}`);
  });

  function reconcile(uid: string): number {
    const object = cluster.byUid(uid);
    if (object === undefined) return Infinity;
    const world: World = { cluster, nowMs: now(), isServed, caCertificate };
    const collected = planCollection(object, world);
    carryOut(io, object, { actions: collected });
    const controller = controllersByKind[kindNameOf(object)];
    // What has been collected comes again, as it is then.
    if (controller === undefined || collected.length > 0) return Infinity;
    const { owns, component } = controller;
    const { owned, actions: claims } =
      owns === undefined ? { owned: [], actions: [] } : claim(cluster, object, owns);
    const plan = controller.plan(object, world, owned);
    carryOut(io, object, { ...plan, actions: [...claims, ...(plan.actions ?? [])] }, component);
    return plan.againInMs ?? Infinity;
  }

  const unfollow = objects.follow((event) => {
    cluster.follow(event);
    for (const uid of concernedBy(event, cluster)) queue.add(uid);
  });
  return {
    close: () => {
      unfollow();
      queue.close();
    },
  };
}
