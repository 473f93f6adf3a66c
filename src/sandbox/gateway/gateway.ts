import { sameJson } from '../../base/same-json.ts';
import { defined } from '../../base/defined.ts';
import { createInventory, kindNameOf } from '../controllers/inventory.ts';
import { parseApiVersion } from '../kinds/kind.ts';
import type { Dial } from '../network/service-listener.ts';
import type { Objects, StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { earlierPort, makeFirstObjects } from './first-objects.ts';
import type { GatewayPlan } from './plan.ts';
import { planGateway, plannedKinds } from './plan.ts';
import { startProxy } from './proxy.ts';

/** The running gateway. */
export interface Gateway {
  /** For people on this machine: `http://127.0.0.1:PORT`. */
  url: string;
  close(): Promise<void>;
}

/** Options of {@link startGateway}. */
export interface GatewayOptions {
  objects: Objects;
  dial: Dial;
  /** Gets failures to plan or to write a status; the next change tries again, and until then requests go as before. */
  onError?: (error: unknown, what: string) => void;
}

/**
 * Starts the gateway: an HTTP proxy on 127.0.0.1 that routes by the HTTPRoutes and Ingresses of the store, and the
 * controller that writes their statuses, each once the proxy routes by it. Its class, its Gateway and a Service by which pods reach
 * it are made when they are missing.
 */
export async function startGateway({ objects, dial, onError }: GatewayOptions): Promise<Gateway> {
  const proxy = await startProxy(earlierPort(objects), dial);
  const { port } = proxy;
  const cluster = createInventory();
  const address = makeFirstObjects(objects, port);
  let planning: NodeJS.Immediate | undefined;

  function plan(): void {
    planning = undefined;
    try {
      const made = planGateway(cluster, { address, port, now: timestamp(Date.now()) });
      proxy.use(made.table);
      for (const one of made.statuses) writeStatus(one);
    } catch (error) {
      onError?.(error, 'the routes of the gateway');
    }
  }

  function writeStatus({ object, status }: GatewayPlan['statuses'][number]): void {
    if (sameJson(object.status, status)) return;
    try {
      objects.modify(keyOf(object), (stored) => (stored.status = status), 'status');
    } catch (error) {
      onError?.(error, `the status of ${object.kind} ${object.metadata.name}`);
    }
  }

  const unfollow = objects.follow((event) => {
    if (!plannedKinds.has(kindNameOf(event.object))) return;
    cluster.follow(event);
    planning ??= setImmediate(plan);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      unfollow();
      clearImmediate(planning);
      await proxy.close();
    },
  };
}

function keyOf({ apiVersion, kind, metadata: { name, namespace } }: StoredObject) {
  return { kind, group: parseApiVersion(apiVersion).group, name, ...defined({ namespace }) };
}
