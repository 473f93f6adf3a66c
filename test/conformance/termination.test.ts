import { defined } from '../../src/base/defined.ts';
import { describe, expect, it } from '@jest/globals';
import { patience, useLab } from './lab.ts';
import { condition, container, idle, pod } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('termination');
const slow = 60_000 * patience;
const isReady = (object: Json): boolean => condition(object, 'Ready')?.status === 'True';
const stubborn = 'trap "" TERM; while true; do sleep 0.2; done';

async function start(object: Json): Promise<Json> {
  await lab.create('pods', object);
  return lab.until('pods', object.metadata.name, isReady, 20);
}

/** Watches a pod from its deletion to its end. */
async function deleted(name: string, options?: Json): Promise<Json[]> {
  const { metadata } = (await lab.read('pods')).body;
  const watching = lab.wire.watch(
    await lab.url('pods'),
    {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: metadata.resourceVersion,
      timeoutSeconds: '25',
    },
    (events) =>
      events.some(
        ({ type, object }) =>
          type === 'DELETED' || object.status.containerStatuses?.[0]?.state?.terminated !== undefined,
      ),
  );
  await lab.remove('pods', name, options);
  return (await watching).map(({ object }) => object);
}

describe('a pod that is deleted', () => {
  it(
    'is marked with when it must be gone',
    async () => {
      await start(pod('marked', idle, { terminationGracePeriodSeconds: 5 }));

      const before = Date.now();
      const { body } = await lab.remove('pods', 'marked');

      expect(body.metadata.deletionGracePeriodSeconds).toBe(5);
      const end = Date.parse(body.metadata.deletionTimestamp); // in whole seconds
      expect(end).toBeGreaterThan(before + 4000);
      expect(end).toBeLessThanOrEqual(Date.now() + 5000);
    },
    slow,
  );

  it(
    'gets TERM and ends by its own code',
    async () => {
      await start(
        pod('polite', 'trap "exit 0" TERM; while true; do sleep 0.1; done', {
          terminationGracePeriodSeconds: 20,
        }),
      );
      const begun = Date.now();

      const states = await deleted('polite');

      expect(Date.now() - begun).toBeLessThan(15_000);
      const terminated = states
        .map((object) => object.status.containerStatuses?.[0]?.state?.terminated)
        .find((state) => state !== undefined);
      if (terminated !== undefined) expect(terminated.exitCode).toBe(0);
    },
    slow,
  );

  it(
    'is killed when its grace period is over',
    async () => {
      await start(pod('stubborn', stubborn, { terminationGracePeriodSeconds: 2 }));
      const begun = Date.now();

      await deleted('stubborn');

      expect(Date.now() - begun).toBeGreaterThanOrEqual(1500);
      expect(Date.now() - begun).toBeLessThan(25_000);
    },
    slow,
  );

  it(
    'may be given less time',
    async () => {
      await start(pod('hurried', stubborn, { terminationGracePeriodSeconds: 300 }));

      const { body } = await lab.remove('pods', 'hurried', { gracePeriodSeconds: 1 });

      expect(body.metadata.deletionGracePeriodSeconds).toBe(1);
      await lab.until(
        'pods',
        'hurried',
        (object) => object === undefined || object.status.containerStatuses[0].state.terminated !== undefined,
        30,
      );
    },
    slow,
  );

  it(
    'is gone at once with no time at all',
    async () => {
      await start(pod('forced', stubborn, { terminationGracePeriodSeconds: 300 }));

      await lab.remove('pods', 'forced', { gracePeriodSeconds: 0 });

      expect((await lab.read('pods', 'forced')).code).toBe(404);
    },
    slow,
  );

  it(
    'runs its preStop command first',
    async () => {
      const volumes = [{ name: 'shared', emptyDir: {} }];
      const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
      const containers = [
        container(idle, {
          volumeMounts,
          lifecycle: {
            preStop: { exec: { command: ['sh', '-c', 'echo stopping > /shared/note; sleep 0.5'] } },
          },
        }),
        container(
          'trap "" TERM; while ! test -s /shared/note; do sleep 0.1; done; cat /shared/note; while true; do sleep 0.2; done',
          { name: 'witness', volumeMounts },
        ),
      ];
      await start(pod('prestop', '', { containers, volumes, terminationGracePeriodSeconds: 5 }));

      await lab.remove('pods', 'prestop');

      let text = '';
      for (let tries = 0; tries < 60 && !text.includes('stopping'); tries += 1) {
        ({ text } = await lab.wire.request('GET', await lab.url('pods', 'prestop', 'log'), {
          query: { container: 'witness' },
        }));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(text).toContain('stopping');
    },
    slow,
  );

  it(
    'is not ready while it ends',
    async () => {
      await start(pod('leaving', stubborn, { terminationGracePeriodSeconds: 4 }));
      await lab.remove('pods', 'leaving');

      const object = await lab.get('pods', 'leaving');

      expect(object.metadata.deletionTimestamp).toBeDefined();
      expect(object.status.phase).toBe('Running');
    },
    slow,
  );

  it(
    'that never got a node goes at once',
    async () => {
      await lab.create('pods', pod('unplaced', idle, { nodeSelector: { no: 'where' } }));

      await lab.remove('pods', 'unplaced');

      await lab.until('pods', 'unplaced', (object) => object === undefined);
    },
    slow,
  );

  it(
    'tells of it in an event',
    async () => {
      await start(pod('killing', idle));
      await lab.remove('pods', 'killing');

      const events = await lab.untilList(
        'events',
        { fieldSelector: 'involvedObject.name=killing' },
        (items) => items.some(({ reason }) => reason === 'Killing'),
        15,
      );

      expect(events.find(({ reason }) => reason === 'Killing')?.message).toBe('Stopping container main');
    },
    slow,
  );

  it(
    'that ended goes at once',
    async () => {
      await lab.create('pods', pod('ended', 'true', { terminationGracePeriodSeconds: 100 }));
      await lab.until('pods', 'ended', (object) => object.status.phase === 'Succeeded', 20);

      await lab.remove('pods', 'ended');

      await lab.until('pods', 'ended', (object) => object === undefined, 15);
    },
    slow,
  );
});

describe('a start hook', () => {
  it(
    'runs when the container starts',
    async () => {
      const volumes = [{ name: 'shared', emptyDir: {} }];
      const lifecycle = { postStart: { exec: { command: ['sh', '-c', 'echo hooked > /shared/note'] } } };
      const containers = [
        container('while ! test -s /shared/note; do sleep 0.1; done; cat /shared/note', {
          lifecycle,
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        }),
      ];
      await lab.create('pods', pod('hooked', '', { containers, volumes }));

      await lab.until('pods', 'hooked', (object) => object.status.phase === 'Succeeded', 20);

      expect((await lab.wire.request('GET', await lab.url('pods', 'hooked', 'log'))).text).toBe('hooked\n');
    },
    slow,
  );
});

describe('eviction', () => {
  const evict = async (name: string, options?: Json): Promise<{ code: number; body: Json }> => {
    // policy/v1beta1 in 1.20, policy/v1 from 1.22 on.
    const apiVersion = await lab.apiVersion('poddisruptionbudgets');
    const body = {
      apiVersion,
      kind: 'Eviction',
      metadata: { name, namespace: lab.namespace },
      ...defined({ deleteOptions: options }),
    };
    return lab.wire.request('POST', await lab.url('pods', name, 'eviction'), { body });
  };
  const budget = (name: string, spec: Json): Promise<Json> =>
    lab.create('poddisruptionbudgets', {
      kind: 'PodDisruptionBudget',
      metadata: { name },
      spec: { selector: { matchLabels: { app: name } }, ...spec },
    });

  it(
    'of a pod without a budget deletes it',
    async () => {
      await start(pod('free', idle));

      const { code } = await evict('free');

      expect(code).toBe(201);
      await lab.until(
        'pods',
        'free',
        (object) => object === undefined || object.metadata.deletionTimestamp !== undefined,
      );
    },
    slow,
  );

  it(
    'that a budget forbids is 429, with the reason',
    async () => {
      await start(pod('needed', idle, {}, { labels: { app: 'needed' } }));
      await budget('needed', { minAvailable: 1 });
      await lab.until('poddisruptionbudgets', 'needed', (object) => object.status?.currentHealthy === 1);

      const { code, body } = await evict('needed');

      expect(code).toBe(429);
      expect(body).toMatchObject({
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget needed needs 1 healthy pods and has 1 currently',
            },
          ],
        },
      });
    },
    slow,
  );

  it(
    'that a budget allows uses it up',
    async () => {
      await start(
        pod('spare-1', stubborn, { terminationGracePeriodSeconds: 8 }, { labels: { app: 'spare' } }),
      );
      await start(
        pod('spare-2', stubborn, { terminationGracePeriodSeconds: 8 }, { labels: { app: 'spare' } }),
      );
      await budget('spare', { minAvailable: 1 });
      await lab.until('poddisruptionbudgets', 'spare', (object) => object.status?.disruptionsAllowed === 1);

      const [first, second] = [await evict('spare-1'), await evict('spare-2')];

      expect([first.code, second.code]).toEqual([201, 429]);
    },
    slow,
  );

  it(
    'of a pod with two budgets is a mistake',
    async () => {
      await start(pod('torn', idle, {}, { labels: { app: 'torn', also: 'torn-too' } }));
      await budget('torn', { minAvailable: 0 });
      await budget('torn-too', { minAvailable: 0, selector: { matchLabels: { also: 'torn-too' } } });
      await lab.until('poddisruptionbudgets', 'torn-too', (object) => object.status?.expectedPods === 1);

      const { code, body } = await evict('torn');

      expect(code).toBe(500);
      expect(body.message).toContain('This pod has more than one PodDisruptionBudget');
    },
    slow,
  );

  it(
    'of a pod that is not there is 404',
    async () => {
      expect((await evict('nobody')).code).toBe(404);
    },
    slow,
  );

  it(
    "numbers stand in the budget's status",
    async () => {
      await start(pod('counted', idle, {}, { labels: { app: 'counted' } }));
      await budget('counted', { minAvailable: 1 });

      const object = await lab.until(
        'poddisruptionbudgets',
        'counted',
        (entry) => entry.status?.currentHealthy === 1,
      );

      expect(object.status).toMatchObject({
        expectedPods: 1,
        desiredHealthy: 1,
        currentHealthy: 1,
        disruptionsAllowed: 0,
        observedGeneration: 1,
      });
    },
    slow,
  );
});
