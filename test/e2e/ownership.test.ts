import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { startRelease } from './release-runner.ts';

const minutes = 60_000;

interface Container {
  name: string;
  image: string;
  env?: { name: string; value?: string; valueFrom?: object }[];
}

interface Live {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  data?: Record<string, string>;
  spec: {
    replicas: number;
    minReadySeconds?: number;
    strategy: { type: string; rollingUpdate?: object };
    template: { spec: { containers: Container[] } };
    ports: { name: string; port: number }[];
  };
}

/** The documents of one application. No pods: what is looked at here is who writes which field. */
function documents(name: string, { spec = {}, containers = [web()], port = 80, data = {} }: Options = {}) {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers } };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: { replicas: 0, selector: { matchLabels: labels }, template, ...spec },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: labels, ports: [{ name: 'http', port, targetPort: 8080 }] },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { mode: 'fast', ...data } },
  ];
}

interface Options {
  spec?: object;
  containers?: object[];
  port?: number;
  data?: Record<string, string>;
}

const web = (env: readonly object[] = [{ name: 'MODE', value: 'fast' }], image = 'web:1') => ({
  name: 'web',
  image,
  env,
  ports: [{ containerPort: 8080 }],
});
const sidecar = { name: 'sidecar', image: 'sidecar:1' };
const textOf = (objects: readonly object[]) => objects.map((each) => JSON.stringify(each)).join('\n---\n');
const listOf = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

describe('the fields of what kubectl and others made', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'ownership');
  }, 2 * minutes);

  afterAll(async () => {
    await place.remove();
  }, minutes);

  const kubectl = (args: string, input = '') =>
    place.admin.run(['--namespace', place.application, ...args.split(' ')], input);
  const live = (kind: string, name: string) =>
    place.admin.json<Live>(['--namespace', place.application, 'get', kind, name]);
  const start = async (application: string, manifests: readonly object[], settings: object = {}) => {
    const order = {
      kubeconfig: place.kubeconfig,
      runId: `run-${String(++run)}`,
      namespace: place.application,
      settings: { application, configuration: 'inPlace' as const, timeout: '60s', ...settings },
    };
    return startRelease(textOf(manifests), order);
  };
  const release = async (...args: Parameters<typeof start>) => (await start(...args)).result();
  const isReleased = expect.objectContaining({ type: 'result', outcome: 'succeeded' });

  const made: Record<string, (objects: readonly object[]) => Promise<unknown>> = {
    applied: async (objects) => {
      await kubectl('apply --filename -', listOf(objects).replace('web:1', 'web:0'));
      await kubectl('apply --filename -', listOf(objects));
    },
    created: (objects) => kubectl('create --filename -', listOf(objects)),
    'by-helm': (objects) => kubectl('create --field-manager helm --filename -', listOf(objects)),
    'server-side': (objects) =>
      // Kubernetes 1.20 takes no port without a protocol.
      kubectl(
        'apply --server-side --filename -',
        listOf(objects).replaceAll(/"(containerPort|port)":\d+/g, '$&,"protocol":"TCP"'),
      ),
  };

  it(
    'are released without force from the file that they were made from, and from another',
    async () => {
      const names = Object.keys(made);
      const of = (options: Options) => names.flatMap((name) => documents(name, options));
      const first = { containers: [web(), sidecar], data: { old: '1' } };
      for (const [name, make] of Object.entries(made)) await make(documents(name, first));

      const same = await release('made', of(first));
      const other = await release('made', of({ containers: [web([], 'web:2')] }));

      expect([same, other]).toEqual([isReleased, isReleased]);
      for (const name of names) {
        const { containers } = (await live('deployment', name)).spec.template.spec;
        expect([name, containers]).toEqual([
          name,
          [expect.objectContaining({ name: 'web', image: 'web:2' })],
        ]);
        expect(containers[0]).not.toHaveProperty('env');
        expect((await live('configmap', name)).data).toEqual({ mode: 'fast' });
      }
    },
    2 * minutes,
  );

  it(
    'are what the manifests say, whoever wrote them last, and stay where no manifest ever said them',
    async () => {
      const env = [
        { name: 'MODE', value: 'fast' },
        { name: 'LEVEL', value: 'info' },
      ];
      const spec = { minReadySeconds: 1 };
      const first = documents('edited', {
        spec,
        containers: [web(env), sidecar],
        data: { old: '1', a: '1' },
      });
      expect(await release('edited', first)).toEqual(isReleased);
      await kubectl('set image deployment/edited web=web:hand sidecar=sidecar:hand');
      await kubectl('set env deployment/edited --containers web MODE=slow LEVEL=debug HAND=made');
      await kubectl('patch deployment edited --patch {"spec":{"minReadySeconds":7}}');
      await kubectl('patch configmap edited --patch {"data":{"old":"2","a":"2","hand":"made"}}');
      await kubectl('annotate deployment edited example.com/hand=made');

      const second = await release(
        'edited',
        documents('edited', { containers: [web(env.slice(0, 1))], data: { a: '1' } }),
      );

      expect(second).toEqual(isReleased);
      const { metadata, spec: after } = await live('deployment', 'edited');
      expect(after.template.spec.containers).toEqual([
        expect.objectContaining({ name: 'web', image: 'web:1' }),
      ]);
      expect(after.template.spec.containers[0]?.env).toEqual([
        { name: 'MODE', value: 'fast' },
        { name: 'HAND', value: 'made' },
      ]);
      expect(after.minReadySeconds ?? 0).toBe(0);
      expect(metadata.annotations).toMatchObject({ 'example.com/hand': 'made' });
      expect((await live('configmap', 'edited')).data).toEqual({ mode: 'fast', a: '1', hand: 'made' });

      await kubectl('rollout undo deployment/edited --to-revision 1');
      expect((await live('deployment', 'edited')).spec.template.spec.containers).toHaveLength(2);
      const third = await release(
        'edited',
        documents('edited', { containers: [web(env.slice(0, 1))], data: { a: '1' } }),
      );

      expect(third).toEqual(isReleased);
      expect((await live('deployment', 'edited')).spec.template.spec.containers).toEqual([
        expect.objectContaining({ name: 'web', image: 'web:1', env: expect.not.arrayContaining([env[1]]) }),
      ]);
    },
    2 * minutes,
  );

  it(
    'change their kind: Recreate, valueFrom, another port',
    async () => {
      await kubectl('apply --filename -', listOf(documents('changed')));

      const result = await release(
        'changed',
        documents('changed', {
          spec: { strategy: { type: 'Recreate' } },
          containers: [
            web([{ name: 'MODE', valueFrom: { configMapKeyRef: { name: 'changed', key: 'mode' } } }]),
          ],
          port: 81,
        }),
      );

      expect(result).toEqual(isReleased);
      const { strategy, template } = (await live('deployment', 'changed')).spec;
      expect(strategy).toEqual({ type: 'Recreate' });
      expect(template.spec.containers[0]?.env).toEqual([
        { name: 'MODE', valueFrom: { configMapKeyRef: { name: 'changed', key: 'mode' } } },
      ]);
      expect((await live('service', 'changed')).spec.ports).toEqual([
        expect.objectContaining({ name: 'http', port: 81 }),
      ]);
    },
    2 * minutes,
  );

  it(
    'are not written into an object that is being deleted: it is waited for, or the release refused',
    async () => {
      const held = (name: string) => ({
        ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, finalizers: ['example.com/held'] } },
      });
      await kubectl('create --filename -', listOf([held('going')]));
      await kubectl('delete configmap going --wait=false');
      const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'going' }, data: { a: '1' } };

      const running = await start('going', [manifest]);
      await running.saw('the wait', ({ message = '' }) => /waiting for ConfigMap .*\/going/.test(message));
      await kubectl('patch configmap going --type merge --patch {"metadata":{"finalizers":null}}');

      expect(await running.result()).toEqual(isReleased);
      expect((await live('configmap', 'going')).data).toEqual({ a: '1' });
    },
    2 * minutes,
  );
});
