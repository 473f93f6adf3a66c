import { startControllers } from '../../../../src/sandbox/controllers/index.ts';
import { createObjects } from '../../../../src/sandbox/store/create-objects.ts';
import type { ObjectStore } from '../../../../src/sandbox/store/object-store.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

/** The controllers on a store in memory, with a kubelet that runs every pod at once. */
export interface TestCluster {
  objects: ObjectStore;
  /** Pods whose name or image contains this text never become ready. */
  breakPods(text: string): void;
  /** Waits until `check` holds, looking after every change; fails with the last state after 5 s. */
  until(check: () => boolean, what: string): Promise<void>;
  create(object: object): StoredObject;
  /** A check whether nothing has been written for a quarter of a second, which begins with this call. */
  quietFromNow(): () => boolean;
  close(): void;
}

type PodLike = StoredObject<{ containers: { image?: string }[] }, Record<string, unknown>>;

/** A cluster for one test; the errors that controllers retry are kept in `errors`. */
export function testCluster(): TestCluster & { errors: unknown[] } {
  const objects = createObjects(':memory:');
  const errors: unknown[] = [];
  const broken: string[] = [];
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } };
  objects.create(node);
  const controllers = startControllers(objects, {
    onError: (error) => errors.push(error),
    caCertificate: 'PEM',
  });
  let address = 0;

  const stopKubelet = objects.subscribe(['Pod'], ({ type, object }) => {
    const key = { kind: 'Pod', namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    if (type === 'DELETED') return;
    if (object.metadata.deletionTimestamp !== undefined) objects.delete(key, { gracePeriodSeconds: 0 });
    else if (type === 'ADDED') start(key, object as PodLike);
  });

  function start(key: { kind: string; namespace: string; name: string }, { spec }: PodLike): void {
    const text = `${key.name} ${spec?.containers.map(({ image }) => image).join(' ') ?? ''}`;
    const isBroken = broken.some((part) => text.includes(part));
    objects.modify<PodLike>(key, (pod) => {
      Object.assign(pod.spec ?? {}, { nodeName: 'node' });
    });
    address += 1;
    objects.modify<PodLike>(
      key,
      (pod) => {
        pod.status = {
          ...pod.status,
          phase: 'Running',
          podIP: `10.0.${address >> 8}.${address & 255}`,
          conditions: [
            {
              type: 'Ready',
              status: isBroken ? 'False' : 'True',
              lastTransitionTime: pod.metadata.creationTimestamp,
            },
          ],
        };
      },
      'status',
    );
  }

  return {
    objects,
    errors,
    breakPods: (text) => void broken.push(text),
    quietFromNow: () => {
      let version = objects.version();
      let since = Date.now();
      return () => {
        if (objects.version() !== version) {
          version = objects.version();
          since = Date.now();
        }
        return Date.now() - since > 250;
      };
    },
    create: (object) => objects.create(object as StoredObject),
    async until(check, what) {
      const end = Date.now() + 5000;
      while (!check()) {
        if (Date.now() > end) throw new Error(`did not happen: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    close: () => {
      controllers.close();
      stopKubelet();
      objects.close();
    },
  };
}
