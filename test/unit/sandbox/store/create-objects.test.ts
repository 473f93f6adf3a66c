import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { StatusError } from '../../../../src/sandbox/api/status-error.ts';
import { createObjects } from '../../../../src/sandbox/store/create-objects.ts';
import type { ObjectStore } from '../../../../src/sandbox/store/object-store.ts';
import type { Change } from '../../../../src/sandbox/store/records.ts';
import type { NewObject, StoredObject } from '../../../../src/sandbox/store/objects.ts';

interface Workload extends StoredObject {
  spec: { replicas: number; template: { spec: object } };
}

const opened: ObjectStore[] = [];
const folders: string[] = [];

function open(path = ':memory:'): ObjectStore {
  const objects = createObjects(path);
  opened.push(objects);
  return objects;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-store-'));
  folders.push(folder);
  return folder;
}

/** Lets the time pass in which what was written comes to disk; the timers are fakes. */
const soon = (): unknown => jest.advanceTimersByTime(50);

afterEach(() => {
  jest.useRealTimers();
  for (const objects of opened.splice(0)) objects.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const configMap = (name: string, data: Record<string, string> = {}, metadata: object = {}): NewObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...metadata },
  data,
});
const pod = (name: string, nodeName?: string): NewObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName, containers: [{ name: 'main', image: 'app:1' }] },
});
const deployment = (): NewObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'app:1' }] },
    },
  },
});
const key = (kind: string, name: string): { kind: string; namespace: string; name: string } => ({
  kind,
  namespace: 'default',
  name,
});

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as StatusError).reason;
  }
  return 'none';
}

describe('a new object', () => {
  it('gets a name from generateName, a uid and a version', () => {
    const made = open().create(configMap('', {}, { name: undefined, generateName: 'part-' }));

    expect(made.metadata.name).toMatch(/^part-[b-z2-9]{5}$/);
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(made.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  it('takes a name once', () => {
    const objects = open();
    objects.create(configMap('a'));

    expect(reasonOf(() => objects.create(configMap('a')))).toBe('AlreadyExists');
  });

  it('needs a namespace that is there and stays', () => {
    const objects = open();
    objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } });
    objects.delete({ kind: 'Namespace', name: 'going' });

    expect(reasonOf(() => objects.create(configMap('a', {}, { namespace: 'nowhere' })))).toBe('NotFound');
    expect(reasonOf(() => objects.create(configMap('a', {}, { namespace: 'going' })))).toBe('Forbidden');
  });

  it('has no status that a client gave', () => {
    const made = open().create({ ...pod('a'), status: { phase: 'Running' } });

    expect(made.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });
});

describe('an update', () => {
  it('of a stale version is a conflict', () => {
    const objects = open();
    const first = objects.create(configMap('a'));
    objects.update({ ...first, data: { x: '1' } });

    expect(reasonOf(() => objects.update({ ...first, data: { x: '2' } }))).toBe('Conflict');
  });

  it('that changes nothing writes nothing', () => {
    const objects = open();
    const made = objects.create(configMap('a', { x: '1' }));

    expect(objects.update(made).metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    expect(objects.version()).toBe(Number(made.metadata.resourceVersion));
  });

  it('counts the generation for the spec, not for labels or status', () => {
    const objects = open();
    const made = objects.create(deployment()) as Workload;

    const labelled = objects.update({ ...made, metadata: { ...made.metadata, labels: { a: 'b' } } });
    const observed = objects.updateStatus({ ...labelled, status: { replicas: 1 } });
    const scaled = objects.update({ ...observed, spec: { ...observed.spec, replicas: 3 } });

    expect([labelled, observed, scaled].map((object) => object.metadata.generation)).toEqual([1, 1, 2]);
    expect(scaled.status).toEqual({ replicas: 1 });
  });

  it('of the status leaves everything else', () => {
    const objects = open();
    const made = objects.create(deployment()) as Workload;

    const updated = objects.updateStatus({
      ...made,
      spec: { ...made.spec, replicas: 9 },
      status: { replicas: 1 },
    });

    expect(updated.spec.replicas).toBe(1);
    expect(updated.status).toEqual({ replicas: 1 });
  });

  it('cannot be made to what was returned earlier', () => {
    const objects = open();
    const made = objects.create(configMap('a', { x: '1' }));
    (made['data'] as Record<string, string>)['x'] = 'changed';

    expect(objects.get(key('ConfigMap', 'a'))?.['data']).toEqual({ x: '1' });
  });
});

describe('a deletion', () => {
  it('waits for finalizers', () => {
    const objects = open();
    objects.create(configMap('a', {}, { finalizers: ['example.com/hold'] }));

    objects.delete(key('ConfigMap', 'a'));
    const held = objects.get(key('ConfigMap', 'a'));
    objects.modify(key('ConfigMap', 'a'), (object) => {
      object.metadata.finalizers = [];
    });

    expect(held?.metadata.deletionTimestamp).toBeDefined();
    expect(objects.get(key('ConfigMap', 'a'))).toBeUndefined();
  });

  it('of a pod on a node gives it its grace period until the kubelet deletes it', () => {
    const objects = open();
    objects.create(pod('a', 'sandbox'));

    objects.delete(key('Pod', 'a'));
    const ending = objects.get(key('Pod', 'a'));
    objects.delete(key('Pod', 'a'), { gracePeriodSeconds: 0 });

    expect(ending?.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(objects.get(key('Pod', 'a'))).toBeUndefined();
  });

  it('of a pod on no node is done at once', () => {
    const objects = open();
    objects.create(pod('a'));

    objects.delete(key('Pod', 'a'));

    expect(objects.get(key('Pod', 'a'))).toBeUndefined();
  });

  it('holds to its preconditions', () => {
    const objects = open();
    objects.create(configMap('a'));

    expect(reasonOf(() => objects.delete(key('ConfigMap', 'a'), { preconditions: { uid: 'other' } }))).toBe(
      'Conflict',
    );
  });

  it('of a namespace waits until its own finalizer is gone', () => {
    const objects = open();
    objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });

    objects.delete({ kind: 'Namespace', name: 'team' });
    const ending = objects.get({ kind: 'Namespace', name: 'team' });
    objects.modify<StoredObject<{ finalizers: string[] }>>({ kind: 'Namespace', name: 'team' }, (object) => {
      object.spec = { finalizers: [] };
    });

    expect(ending?.status).toMatchObject({ phase: 'Terminating' });
    expect(objects.get({ kind: 'Namespace', name: 'team' })).toBeUndefined();
  });
});

describe('a dry run', () => {
  it('answers as the write would, and leaves no trace', () => {
    const objects = open();
    const before = objects.version();

    const made = objects.dryRun(() => objects.create(configMap('a')));

    expect(made.metadata.uid).toBeDefined();
    expect(objects.get(key('ConfigMap', 'a'))).toBeUndefined();
    expect(objects.version()).toBe(before);
  });
});

describe('a subscription', () => {
  it('begins with what is there, and goes on in order on later ticks', async () => {
    const objects = open();
    objects.create(configMap('a'));
    const seen: string[] = [];
    const end = objects.subscribe(['ConfigMap'], ({ type, object }) =>
      seen.push(`${type} ${object.metadata.name}`),
    );

    objects.create(configMap('b'));
    const atOnce = [...seen];
    await nextTick();
    objects.delete(key('ConfigMap', 'a'));
    await nextTick();
    end();
    objects.create(configMap('c'));
    await nextTick();

    expect(atOnce).toEqual([]);
    expect(seen).toEqual(['ADDED a', 'ADDED b', 'DELETED a']);
  });
});

describe('a watch', () => {
  const versionsOf = (objects: ObjectStore, from: number): string[] => {
    const seen: Change[] = [];
    objects.watch(objects.catalog.byKind('ConfigMap')!, from, (change) => seen.push(change))();
    return seen.map(({ type, object }) => `${type} ${object.metadata.name}`);
  };

  it('goes on from a version', () => {
    const objects = open();
    const from = Number(objects.create(configMap('a')).metadata.resourceVersion);
    objects.create(configMap('b'));
    objects.delete(key('ConfigMap', 'a'));

    expect(versionsOf(objects, from)).toEqual(['ADDED b', 'DELETED a']);
  });

  it('from a version that is compacted is Expired', () => {
    const objects = open();

    expect(reasonOf(() => versionsOf(objects, 1))).toBe('Expired');
  });
});

describe('Services', () => {
  const service = (name: string, spec: object = {}): NewObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }], ...spec },
  });
  const specOf = (object: StoredObject): { clusterIP?: string; ports: { nodePort?: number }[] } =>
    object.spec as { clusterIP?: string; ports: { nodePort?: number }[] };

  it('get addresses of their own in the network of the store', () => {
    const objects = open();

    const addresses = ['a', 'b', 'c'].map((name) => specOf(objects.create(service(name))).clusterIP ?? '');

    expect(new Set(addresses).size).toBe(3);
    for (const address of addresses) expect(address.startsWith(`${objects.serviceNetwork}.`)).toBe(true);
  });

  it('keep their address and node port through an update, and lose the port with the type', () => {
    const objects = open();
    const made = objects.create(service('a', { type: 'NodePort' }));
    const { clusterIP, ports } = specOf(made);

    const updated = objects.update({ ...made, spec: { type: 'NodePort', ports: [{ port: 80 }] } });
    const plain = objects.update({ ...updated, spec: { ...(updated.spec as object), type: 'ClusterIP' } });

    expect(specOf(updated).clusterIP).toBe(clusterIP);
    expect(specOf(updated).ports[0]?.nodePort).toBe(ports[0]?.nodePort);
    expect(specOf(plain).ports[0]?.nodePort).toBeUndefined();
  });
});

describe('the database', () => {
  it('keeps objects and goes on counting versions after it was closed', () => {
    const path = join(temporaryFolder(), 'objects.db');
    const first = open(path);
    const made = first.create(configMap('a', { x: '1' }));
    first.close();
    opened.pop();

    const second = open(path);

    expect(second.get(key('ConfigMap', 'a'))).toEqual(made);
    expect(second.version()).toBe(Number(made.metadata.resourceVersion));
    expect(second.serviceNetwork).toBe(first.serviceNetwork);
  });

  it('has what a commit wrote when it returns, with all that was written before; the rest soon', () => {
    jest.useFakeTimers();
    const folder = temporaryFolder();
    const objects = open(join(folder, 'objects.db'));
    /** What another process would find now, had this one been killed. */
    const onDisk = (): string[] => {
      const copy = temporaryFolder();
      cpSync(folder, copy, { recursive: true });
      const names = open(join(copy, 'objects.db')).list('ConfigMap', { namespace: 'default' });
      return names.map(({ metadata }) => metadata.name);
    };
    soon();

    objects.create(configMap('soon'));
    const first = onDisk();
    objects.commit(() => objects.create(configMap('now')));
    const second = onDisk();
    objects.create(configMap('later'));
    soon();

    expect([first, second, onDisk()]).toEqual([[], ['now', 'soon'], ['later', 'now', 'soon']]);
  });

  it('gives no version twice after the process was killed: who has seen one that was lost lists anew', () => {
    jest.useFakeTimers();
    const folder = temporaryFolder();
    const objects = open(join(folder, 'objects.db'));
    const { resourceVersion: kept } = objects.commit(() => objects.create(configMap('kept'))).metadata;
    const { resourceVersion: lost } = objects.create(configMap('lost')).metadata;
    const copy = temporaryFolder();
    cpSync(folder, copy, { recursive: true });
    const next = open(join(copy, 'objects.db'));
    const kind = next.catalog.byKind('ConfigMap')!;

    const made = next.create(configMap('new'));
    const seen: Change[] = [];
    next.watch(kind, Number(kept), (change) => seen.push(change));

    expect(Number(made.metadata.resourceVersion)).toBeGreaterThan(Number(lost));
    expect(seen.map(({ object }) => object.metadata.name)).toEqual(['new']);
    expect(() => next.watch(kind, Number(lost), () => undefined)).toThrow(/too old/);
  });

  it('that cannot be written to is told of; then writes fail until it can, and nothing is lost', () => {
    jest.useFakeTimers();
    const path = join(temporaryFolder(), 'objects.db');
    const errors: unknown[] = [];
    const objects = createObjects(path, { onError: (error) => errors.push(error) });
    soon();
    const full = jest.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(() => {
      throw new Error('database or disk is full');
    });

    objects.create(configMap('before'));
    soon();
    expect(() => objects.create(configMap('refused'))).toThrow('full');
    const during = objects.list('ConfigMap', { namespace: 'default' }).map(({ metadata }) => metadata.name);
    full.mockRestore();
    objects.create(configMap('after'));
    objects.close();

    expect(errors).toHaveLength(1);
    expect(during).toEqual(['before']);
    expect(open(path).list('ConfigMap', { namespace: 'default' })).toHaveLength(2);
  });

  it('that is damaged is told with what to do', () => {
    const path = join(temporaryFolder(), 'objects.db');
    writeFileSync(path, 'this is no database, and long enough to be looked at as one '.repeat(100));

    expect(() => createObjects(path)).toThrow(/cannot be read/);
  });

  it('serves one process at a time', () => {
    const path = join(temporaryFolder(), 'objects.db');
    open(path);

    expect(() => createObjects(path)).toThrow(/locked|in use/);
  });
});

describe('custom objects', () => {
  it('are there with their definition and go with it', () => {
    const objects = open();
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'boats.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Boat', plural: 'boats' },
        versions: [{ name: 'v1', served: true, storage: true }],
      },
    };
    const boat = { apiVersion: 'example.com/v1', kind: 'Boat', metadata: { name: 'a' }, sails: 3 };
    const unknown = reasonOf(() => objects.create(boat));
    objects.create(definition);

    const made = objects.create(boat);
    const changed = objects.update({ ...made, sails: 4 });
    objects.delete({ kind: 'CustomResourceDefinition', name: 'boats.example.com' });

    expect(unknown).toBe('BadRequest');
    expect([made['sails'], changed['sails'], changed.metadata.generation]).toEqual([3, 4, 2]);
    expect(reasonOf(() => objects.list('Boat'))).toBe('NotFound');
  });
});
