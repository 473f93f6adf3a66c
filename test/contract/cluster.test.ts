import { defined } from '../../src/base/defined.ts';
import { buffer } from 'node:stream/consumers';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Cluster, WatchEvent } from '../../src/ports/cluster.ts';
import type { KubernetesObject, ObjectMeta } from '../../src/ports/kubernetes-object.ts';
import { FakeCluster } from '../fakes/cluster.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../support/scratch-namespace.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(60_000);

let lab: TestCluster;
let scratch: ScratchNamespace;

beforeAll(async () => {
  lab = await testCluster();
  scratch = await scratchNamespace(lab.kubeconfig, 'cluster');
});
afterAll(async () => {
  await scratch.remove();
  await lab.close();
});

const configMaps = { apiVersion: 'v1', kind: 'ConfigMap' };
const map = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  ...configMaps,
  metadata: { name, namespace: scratch.namespace, labels },
  data,
});
const reference = (name: string) => ({ ...configMaps, name, namespace: scratch.namespace });

const fake = new FakeCluster();
fake.unserved.add('none.example/v1/Nothing');
fake.warningsOf = (_, { kind, apiVersion }) =>
  kind === 'Ingress' ? [`${apiVersion} ${kind} is deprecated`] : [];

/** An object that the API warns of: of a version that is on its way out, or of a kind that the sandbox only stores. */
async function warnedObject(cluster: Cluster): Promise<KubernetesObject | undefined> {
  const metadata = { name: 'old', namespace: scratch.namespace };
  const backend = { serviceName: 'web', servicePort: 80 };
  const old = { apiVersion: 'extensions/v1beta1', kind: 'Ingress', metadata, spec: { backend } };
  if ((await cluster.served(old, soon())) !== undefined) return old;
  const stored = {
    ...old,
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    spec: { podSelector: {} },
  };
  return lab.kind === 'sandbox' ? stored : undefined;
}

/** What the port promises, on the adapter and on the fake that the tests of the core rest on. */
describe.each<{ where: string; connect: () => Cluster }>([
  { where: 'in memory', connect: () => fake },
  { where: 'of Kubernetes', connect: () => scratch.kubernetes.cluster },
])('a cluster $where', ({ connect }) => {
  it('says who it is', async () => {
    const cluster = connect();

    expect(cluster.identity.server).toMatch(/^https?:\/\//);
    await expect(cluster.version(soon())).resolves.toMatchObject({
      major: 1,
      gitVersion: expect.stringMatching(/^v1\./),
    });
  });

  it('creates, reads, patches, replaces and deletes', async () => {
    const cluster = connect();
    const created = await cluster.create(map('one', { a: '1' }), soon());
    await cluster.patch(reference('one'), { type: 'merge', body: { data: { b: '2' } } }, soon());
    const jsonPatch = [
      { op: 'test', path: '/data/b', value: '2' },
      { op: 'replace', path: '/data/b', value: '3' },
    ];
    const patched = await cluster.patch(reference('one'), { type: 'json', body: jsonPatch }, soon());

    expect(patched).toMatchObject({ data: { a: '1', b: '3' } });
    const guarded = cluster.patch(reference('one'), { type: 'json', body: jsonPatch }, soon());
    await expect(guarded).rejects.toMatchObject({ name: 'RejectedError' });
    await expect(cluster.replace({ ...created, data: {} }, soon())).rejects.toMatchObject({
      name: 'ConflictError',
    });
    await expect(cluster.replace({ ...patched, data: { c: '4' } }, soon())).resolves.toMatchObject({
      data: { c: '4' },
    });
    await expect(cluster.delete(reference('one'), soon())).resolves.toBe(true);
    await expect(cluster.delete(reference('one'), soon())).resolves.toBe(false);
    await expect(cluster.get(reference('one'), soon())).resolves.toBeUndefined();
  });

  it('applies as an owner of fields, and conflicts with others unless forced', async () => {
    const cluster = connect();
    await cluster.apply(map('shared', { a: '1' }), soon());

    const other = cluster.apply(map('shared', { a: '2' }), { ...soon(), fieldManager: 'other' });
    await expect(other).rejects.toMatchObject({
      name: 'ConflictError',
      message: expect.stringContaining('slipway'),
    });
    const forced = await cluster.apply(map('shared', { a: '2' }), {
      ...soon(),
      fieldManager: 'other',
      force: true,
    });

    expect(forced).toMatchObject({ data: { a: '2' } });
  });

  it('applies nothing over an object that was changed since it was seen', async () => {
    const cluster = connect();
    const seen = await cluster.apply(map('seen', { a: '1' }), soon());
    await cluster.patch(reference('seen'), { type: 'merge', body: { data: { b: '2' } } }, soon());
    const { metadata, ...rest } = map('seen', { a: '2' });
    const resourceVersion = (seen.metadata as ObjectMeta).resourceVersion ?? '';

    const apply = cluster.apply({ ...rest, metadata: { ...metadata, resourceVersion } }, soon());

    await expect(apply).rejects.toMatchObject({
      name: 'ConflictError',
      message: expect.stringContaining('the object has been modified'),
    });
  });

  it('sends no write that is kept back, and reads without asking', async () => {
    const cluster = connect();
    const kept = new Error('the lease is lost');
    let asked = 0;
    const options = () => ({
      ...soon(),
      beforeWrite: async () => {
        asked += 1;
        throw kept;
      },
    });
    const there = await cluster.create(map('kept', { a: '1' }), soon());

    await expect(cluster.create(map('never'), options())).rejects.toBe(kept);
    await expect(cluster.apply(map('never'), options())).rejects.toBe(kept);
    await expect(cluster.replace({ ...there, data: { a: '2' } }, options())).rejects.toBe(kept);
    const body = { data: { a: '2' } };
    await expect(cluster.patch(reference('kept'), { type: 'merge', body }, options())).rejects.toBe(kept);
    await expect(cluster.delete(reference('kept'), options())).rejects.toBe(kept);

    expect(asked).toBe(5);
    await expect(cluster.get(reference('kept'), options())).resolves.toMatchObject({ data: { a: '1' } });
    await expect(cluster.get(reference('never'), options())).resolves.toBeUndefined();
    expect(asked).toBe(5);
  });

  it('tells what the server warns of, where it serves something that it warns of', async () => {
    const cluster = connect();
    const made = await warnedObject(cluster);
    if (made === undefined) return; // it serves nothing old
    const told: string[] = [];
    const options = { ...soon(), onWarning: (text: string) => void told.push(text) };

    await cluster.create(map('current'), options);
    expect(told).toEqual([]);
    await cluster.apply(made, { ...options, dryRun: true });

    expect(told).not.toEqual([]);
    expect(told.join()).toMatch(/deprecated|sandbox/);
    expect(told.join()).not.toMatch(/299|"$/);
  });

  it('changes nothing in a dry run', async () => {
    const cluster = connect();

    await cluster.create(map('dry', { a: '1' }), { ...soon(), dryRun: true });

    await expect(cluster.get(reference('dry'), soon())).resolves.toBeUndefined();
  });

  it('deletes only the very object, and only as it was seen, when asked', async () => {
    const cluster = connect();
    const created = await cluster.create(map('guarded'), soon());
    const changed = await cluster.patch(
      reference('guarded'),
      { type: 'merge', body: { data: { a: '1' } } },
      soon(),
    );

    await expect(cluster.delete(reference('guarded'), { ...soon(), uid: 'another' })).resolves.toBe(false);
    const { resourceVersion }: ObjectMeta = created.metadata;
    const late = cluster.delete(reference('guarded'), {
      ...soon(),
      ...defined({ resourceVersion }),
    });
    await expect(late).rejects.toMatchObject({ name: 'ConflictError' });
    const { uid } = changed.metadata;
    await expect(cluster.delete(reference('guarded'), { ...soon(), ...defined({ uid }) })).resolves.toBe(
      true,
    );
  });

  it('lists by label and says of which kind each is', async () => {
    const cluster = connect();
    await Promise.all(
      ['x', 'y', 'z'].map((name) =>
        cluster.create(map(name, {}, { list: name === 'z' ? 'no' : 'yes' }), soon()),
      ),
    );

    const found = await cluster.list(
      configMaps,
      { namespace: scratch.namespace, labelSelector: 'list=yes' },
      soon(),
    );

    expect(found.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['ConfigMap', 'x'],
      ['ConfigMap', 'y'],
    ]);
  });

  it('watches: what is there, then every change', async () => {
    const cluster = connect();
    await cluster.create(map('w0', {}, { watch: 'yes' }), soon());
    const ending = new AbortController();
    const events: WatchEvent[] = [];
    const watching = (async () => {
      const selection = { namespace: scratch.namespace, labelSelector: 'watch=yes' };
      for await (const event of cluster.watch(configMaps, selection, { signal: ending.signal }))
        events.push(event);
    })();
    const told = (): string[] =>
      events.map((event) =>
        event.type === 'reset'
          ? `reset ${String(event.objects.length)}`
          : `${event.type} ${event.object.metadata.name}`,
      );
    await waitFor('the first objects', async () => (events.length > 0 ? true : undefined), {
      intervalMs: 20,
    });

    await cluster.create(map('w1', {}, { watch: 'yes' }), soon());
    await cluster.patch(reference('w1'), { type: 'merge', body: { data: { a: '1' } } }, soon());
    await cluster.create(map('unseen', {}, { watch: 'no' }), soon());
    await cluster.delete(reference('w1'), soon());
    await waitFor('all events', async () => (events.length >= 4 ? true : undefined), { intervalMs: 20 });
    ending.abort();
    await watching;

    expect(told()).toEqual(['reset 1', 'upsert w1', 'upsert w1', 'delete w1']);
  });

  it('finds how kinds are served', async () => {
    const cluster = connect();

    await expect(cluster.served({ apiVersion: 'apps/v1', kind: 'Deployment' }, soon())).resolves.toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      resource: 'deployments',
      namespaced: true,
    });
    await expect(
      cluster.served({ apiVersion: 'none.example/v1', kind: 'Nothing' }, soon()),
    ).resolves.toBeUndefined();
    const slices = ['discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1'].map((apiVersion) => ({
      apiVersion,
      kind: 'EndpointSlice',
    }));
    await expect(cluster.firstServed(slices, soon())).resolves.toMatchObject({ resource: 'endpointslices' });
    const unknown = cluster.get({ apiVersion: 'none.example/v1', kind: 'Nothing', name: 'x' }, soon());
    await expect(unknown).rejects.toMatchObject({
      name: 'NotFoundError',
      message: expect.stringContaining('does not serve the kind Nothing'),
    });
  });

  it('says what the credentials may do', async () => {
    const questions = [{ verb: 'create', group: '', resource: 'pods', namespace: scratch.namespace }];

    await expect(connect().mayI(questions, soon())).resolves.toEqual([true]);
  });

  it('refuses what is wrong with a typed error', async () => {
    const cluster = connect();
    await cluster.create(map('there'), soon());

    await expect(cluster.create(map('there'), soon())).rejects.toMatchObject({ name: 'ConflictError' });
    await expect(
      cluster.patch(reference('nothing'), { type: 'merge', body: {} }, soon()),
    ).rejects.toMatchObject({ name: 'NotFoundError' });
    await expect(cluster.replace(map('nothing'), soon())).rejects.toMatchObject({ name: 'NotFoundError' });
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(cluster.get(reference('there'), { signal: aborted })).rejects.toThrow('enough');
  });
});

// The fake validates nothing and has no Namespaces.
describe('the API of a cluster', () => {
  it('refuses what is invalid with a typed error', async () => {
    const cluster = scratch.kubernetes.cluster;
    const invalid = { ...map('Not A Name'), metadata: { name: 'Not A Name', namespace: scratch.namespace } };

    await expect(cluster.create(invalid, soon())).rejects.toMatchObject({
      name: 'RejectedError',
      status: 422,
    });
    const nowhere = { ...map('x'), metadata: { name: 'x', namespace: 'no-such-namespace' } };
    await expect(cluster.create(nowhere, soon())).rejects.toMatchObject({ name: 'NotFoundError' });
  });
});

describe('the streams of a pod', () => {
  let pod: { namespace: string; pod: string; container: string };
  beforeAll(async () => {
    const { cluster } = scratch.kubernetes;
    const metadata = { name: 'streams', namespace: scratch.namespace };
    const script = 'echo ready; while :; do sleep 1; done';
    const container = {
      name: 'main',
      image: testImage,
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', script],
    };
    await cluster.create(
      { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } },
      soon(),
    );
    pod = { namespace: scratch.namespace, pod: 'streams', container: 'main' };
    await waitFor('the pod', async () => {
      const found = await cluster.get({ apiVersion: 'v1', kind: 'Pod', ...metadata }, soon());
      return (found?.['status'] as { phase?: string } | undefined)?.phase === 'Running' ? true : undefined;
    });
  });

  it('carry a command’s input, both outputs and exit code', async () => {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const command = ['sh', '-c', 'head -c 5; echo problem >&2; exit 3'];

    const result = await scratch.kubernetes.pods.exec(pod, {
      ...soon(),
      command,
      stdin: Readable.from([Buffer.from('hello')]),
      stdout,
      stderr,
    });
    stdout.end();
    stderr.end();

    expect(result).toEqual({ type: 'exited', exitCode: 3 });
    expect((await buffer(stdout)).toString('utf8')).toBe('hello');
    expect((await buffer(stderr)).toString('utf8')).toBe('problem\n');
  });

  it('refuse a container that is not there', async () => {
    const running = scratch.kubernetes.pods.exec(
      { ...pod, container: 'nothing' },
      { ...soon(), command: ['true'] },
    );

    await expect(running).rejects.toMatchObject({ message: expect.stringContaining('nothing') });
  });

  it('end when they are aborted', async () => {
    const aborting = new AbortController();
    const running = scratch.kubernetes.pods.exec(pod, { signal: aborting.signal, command: ['sleep', '600'] });
    setTimeout(() => aborting.abort(new Error('enough')), 500);

    await expect(running).rejects.toThrow('enough');
  });

  it('give the container’s log', async () => {
    const log = await scratch.kubernetes.pods.logs(pod, soon());

    expect((await buffer(log)).toString('utf8')).toBe('ready\n');
  });
});
