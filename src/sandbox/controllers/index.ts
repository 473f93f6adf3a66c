import type { ObjectKey, Objects, StoreEvent } from '../store/objects.ts';
import type { Controller, ControllerContext, ObjectName } from './controller.ts';
import { daemonSetController } from './daemon-set.ts';
import { deploymentController } from './deployment.ts';
import { disruptionController } from './disruption.ts';
import { endpointsController } from './endpoints.ts';
import { eventExpiryController } from './event-expiry.ts';
import { createEventRecorder } from './events.ts';
import { createGarbageCollector } from './garbage-collector.ts';
import { createInventory } from './inventory.ts';
import { jobController } from './job.ts';
import { namespaceController } from './namespace.ts';
import { replicaSetController } from './replica-set.ts';
import { statefulSetController } from './stateful-set.ts';
import { volumeClaimController } from './volume-claims.ts';
import { startWorkQueue, type QueueTimers } from './work-queue.ts';

export { mayEvict, type EvictionDecision } from './disruption.ts';

/** Options of {@link startControllers}. */
export interface ControllersOptions {
  /** PEM of the API server's CA, for the ConfigMap `kube-root-ca.crt` of each namespace. */
  caCertificate?: string;
  /** Milliseconds since the epoch; the machine's clock when left out. */
  now?: () => number;
  /** Hears of failures that are retried: `what` is the controller and the object. */
  onError?: (error: unknown, what: string) => void;
  timers?: QueueTimers;
}

const GARBAGE_COLLECTOR = 'garbage-collector';

/**
 * Starts every controller of the sandbox on one work queue. They act until `close` is called; what they had not done
 * by then they do after the next start, for all they know is in the store.
 */
export function startControllers(objects: Objects, options: ControllersOptions = {}): { close(): void } {
  const now = options.now ?? Date.now;
  const context: ControllerContext = { objects, events: createEventRecorder(objects, now), now };
  const inventory = createInventory();
  const collector = createGarbageCollector(objects, inventory);
  const controllers = new Map(
    [
      deploymentController(context),
      replicaSetController(context),
      statefulSetController(context),
      daemonSetController(context),
      jobController(context),
      endpointsController(context),
      namespaceController(context, inventory, options.caCertificate),
      disruptionController(context),
      volumeClaimController(context),
      eventExpiryController(context),
    ].map((controller) => [controller.name, controller]),
  );

  const queue = startWorkQueue(
    (key) => {
      const [name, target] = JSON.parse(key) as [string, ObjectName & ObjectKey];
      if (name === GARBAGE_COLLECTOR) collector.collect(target);
      return controllers.get(name)?.reconcile(target);
    },
    options.onError ?? ((): void => undefined),
    options.timers,
  );

  function dispatch({ type, object, previous }: StoreEvent): void {
    const deleted = type === 'DELETED';
    if (deleted) inventory.remove(object);
    else inventory.add(object);
    for (const controller of controllers.values()) {
      for (const target of concerned(controller, object, deleted)) add(controller.name, target);
      // What an object used to match is concerned too: labels and owners change.
      if (previous === undefined || deleted) continue;
      for (const target of concerned(controller, previous, false)) add(controller.name, target);
    }
    for (const key of collector.concernedBy(object, deleted)) add(GARBAGE_COLLECTOR, key);
  }

  function add(name: string, target: ObjectName | ObjectKey): void {
    queue.add(JSON.stringify([name, target]));
  }

  const unsubscribe = objects.subscribe([], dispatch);
  return {
    close: () => {
      unsubscribe();
      queue.close();
    },
  };
}

function concerned(
  controller: Controller,
  object: StoreEvent['object'],
  deleted: boolean,
): readonly ObjectName[] {
  const own = controller.watches[object.kind]?.(object, deleted) ?? [];
  const any = controller.watches['*']?.(object, deleted) ?? [];
  return any.length === 0 ? own : [...own, ...any];
}
