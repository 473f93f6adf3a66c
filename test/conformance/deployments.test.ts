import { describe, expect, it } from '@jest/globals';
import { eventLagMs, patience, useLab } from './lab.ts';
import { condition, deployment, idle, isRolledOut, pod, template } from './objects.ts';
import type { Json, WatchEvent } from './wire.ts';

const lab = useLab('deployments');
const revisionValue = 'deployment.kubernetes.io/revision';
const slow = 40_000 * patience;
const setsOf = (app: string, check: (items: Json[]) => boolean, seconds = 15): Promise<Json[]> =>
  lab.untilList('replicasets', { labelSelector: `app=${app}` }, check, seconds);
const podsOf = async (app: string): Promise<Json[]> =>
  (await lab.read('pods', undefined, { labelSelector: `app=${app}` })).body.items;
const revision = (object: Json): string => object.metadata.annotations?.[revisionValue];
/** A change of the template that leaves what runs in it as it is. */
const version = (name: string): Json => ({
  spec: { template: { metadata: { annotations: { version: name } } } },
});

async function rollOut(object: Json): Promise<Json> {
  await lab.create('deployments', object);
  return lab.until('deployments', object.metadata.name, isRolledOut, 25);
}

describe('a Deployment', () => {
  it(
    'makes a ReplicaSet named by the hash of its template, which labels the pods',
    async () => {
      const made = await rollOut(deployment('named', { replicas: 2 }));

      const [set] = await setsOf('named', (items) => items.length === 1);
      const hash = set.metadata.labels['pod-template-hash'] as string;
      expect(set.metadata.name).toBe(`named-${hash}`);
      expect(set.spec.selector.matchLabels).toEqual({ app: 'named', 'pod-template-hash': hash });
      expect(set.metadata.ownerReferences).toEqual([
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: 'named',
          uid: made.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
      expect(set.metadata.annotations).toMatchObject({
        [revisionValue]: '1',
        'deployment.kubernetes.io/desired-replicas': '2',
        'deployment.kubernetes.io/max-replicas': '3',
      });
      const pods = await podsOf('named');
      expect(pods.map((entry) => entry.metadata.labels['pod-template-hash'])).toEqual([hash, hash]);
      expect(pods[0].metadata.name).toMatch(new RegExp(`^named-${hash}-[a-z0-9]{5}$`));
      expect(pods[0].metadata.generateName).toBe(`named-${hash}-`);
    },
    slow,
  );

  it(
    'tells its state in counts and conditions',
    async () => {
      const made = await rollOut(deployment('told', { replicas: 2 }));
      const done = await lab.until(
        'deployments',
        'told',
        (object) => condition(object, 'Progressing')?.reason === 'NewReplicaSetAvailable',
      );

      expect(made.status).toMatchObject({
        observedGeneration: 1,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
      });
      expect(made.status.unavailableReplicas).toBeUndefined();
      expect(condition(done, 'Available')).toMatchObject({
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      });
      expect(condition(done, 'Progressing')).toMatchObject({
        status: 'True',
        message: expect.stringMatching(/^ReplicaSet "told-\w+" has successfully progressed\.$/),
      });
    },
    slow,
  );

  it(
    'writes events of scaling',
    async () => {
      await rollOut(deployment('scaled', { replicas: 1 }));
      const [set] = await setsOf('scaled', (items) => items.length === 1);

      const events = await lab.untilList(
        'events',
        { fieldSelector: 'involvedObject.name=scaled' },
        (items) => items.length > 0,
      );

      expect(events[0]).toMatchObject({
        reason: 'ScalingReplicaSet',
        type: 'Normal',
        source: { component: 'deployment-controller' },
      });
      expect(events[0].message).toMatch(
        new RegExp(`^Scaled up replica set ${set.metadata.name} (from 0 )?to 1`),
      );
      const created = await lab.events(set.metadata.name);
      expect(created.find(({ reason }) => reason === 'SuccessfulCreate')?.message).toMatch(
        /^Created pod: scaled-/,
      );
    },
    slow,
  );

  it(
    'rolls out a change with a new ReplicaSet and keeps the old one at 0',
    async () => {
      await rollOut(deployment('changed', { replicas: 2 }));

      await lab.patch('deployments', 'changed', version('two'), 'strategic');
      const done = await lab.until('deployments', 'changed', isRolledOut, 25);

      const sets = await setsOf('changed', (items) => items.length === 2);
      expect(revision(done)).toBe('2');
      expect(sets.map((set) => [revision(set), set.spec.replicas]).sort()).toEqual([
        ['1', 0],
        ['2', 2],
      ]);
    },
    slow,
  );

  it(
    'never has fewer pods available or more in all than its strategy allows',
    async () => {
      await rollOut(
        deployment('steady', {
          replicas: 3,
          strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
        }),
      );
      const isDone = (events: WatchEvent[]): boolean =>
        events.some(({ object }) => object.metadata.generation === 2 && isRolledOut(object));
      const names = { fieldSelector: 'metadata.name=steady', timeoutSeconds: String(25 * patience) };
      const deployments = lab.wire.watch(await lab.url('deployments'), names, isDone);
      const sets = lab.wire.watch(
        await lab.url('replicasets'),
        { labelSelector: 'app=steady', timeoutSeconds: String(25 * patience) },
        (events) => events.some(({ object }) => revision(object) === '1' && object.spec.replicas === 0),
      );

      await lab.patch('deployments', 'steady', version('two'), 'strategic');
      const available = (await deployments).map(
        ({ object }) => (object.status.availableReplicas ?? 0) as number,
      );
      const sizes = new Map<string, number>();
      const totals = (await sets).map(({ object }) => {
        sizes.set(object.metadata.name, object.spec.replicas);
        return [...sizes.values()].reduce((sum, size) => sum + size, 0);
      });

      expect(Math.min(...available)).toBeGreaterThanOrEqual(2);
      expect(Math.max(...totals)).toBeLessThanOrEqual(4);
    },
    slow,
  );

  it(
    'does not go on while new pods are not ready',
    async () => {
      await rollOut(deployment('held', { replicas: 2 }));
      const broken = { ...template('held'), spec: { ...template('held').spec } };
      broken.spec.containers[0].readinessProbe = { exec: { command: ['false'] }, periodSeconds: 1 };

      await lab.patch('deployments', 'held', { spec: { template: broken } });
      const held = await lab.until(
        'deployments',
        'held',
        ({ status }) => status.unavailableReplicas === 1 && status.updatedReplicas === 1,
        15,
      );

      expect(held.status).toMatchObject({
        replicas: 3,
        updatedReplicas: 1,
        availableReplicas: 2,
        unavailableReplicas: 1,
      });
      expect(condition(held, 'Available').status).toBe('True');
    },
    slow,
  );

  it(
    'fails at its progress deadline and says so',
    async () => {
      const failing = template('late');
      failing.spec.containers[0].readinessProbe = { exec: { command: ['false'] }, periodSeconds: 1 };
      await lab.create('deployments', deployment('late', { progressDeadlineSeconds: 2, template: failing }));

      const failed = await lab.until(
        'deployments',
        'late',
        (object) => condition(object, 'Progressing')?.status === 'False',
        20,
      );

      expect(condition(failed, 'Progressing')).toMatchObject({
        reason: 'ProgressDeadlineExceeded',
        message: expect.stringMatching(/^ReplicaSet "late-\w+" has timed out progressing\.$/),
      });
      expect(condition(failed, 'Available')).toMatchObject({
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      });
    },
    slow,
  );

  it(
    'goes back to an earlier template with the earlier ReplicaSet, under a new revision',
    async () => {
      await rollOut(
        deployment('back', {
          replicas: 1,
          template: {
            ...template('back'),
            metadata: { labels: { app: 'back' }, annotations: { version: 'one' } },
          },
        }),
      );
      const [first] = await setsOf('back', (items) => items.length === 1);
      await lab.patch('deployments', 'back', version('two'), 'strategic');
      await lab.until('deployments', 'back', (object) => revision(object) === '2' && isRolledOut(object), 25);

      await lab.patch('deployments', 'back', version('one'), 'strategic');
      await lab.until('deployments', 'back', (object) => revision(object) === '3' && isRolledOut(object), 25);

      const sets = await setsOf('back', (items) => items.length === 2);
      const active = sets.find((set) => set.spec.replicas === 1);
      expect(active.metadata.name).toBe(first.metadata.name);
      expect(active.metadata.annotations['deployment.kubernetes.io/revision-history']).toBe('1');
    },
    slow,
  );

  it(
    'keeps still while paused, and goes on when resumed',
    async () => {
      await rollOut(deployment('paused', { replicas: 1 }));

      await lab.patch(
        'deployments',
        'paused',
        { spec: { paused: true, ...version('two').spec } },
        'strategic',
      );
      const paused = await lab.until(
        'deployments',
        'paused',
        (object) => condition(object, 'Progressing')?.reason === 'DeploymentPaused',
      );
      const before = await setsOf('paused', () => true);
      await lab.patch('deployments', 'paused', { spec: { paused: false } });
      await lab.until('deployments', 'paused', isRolledOut, 20);

      expect(condition(paused, 'Progressing')).toMatchObject({
        status: 'Unknown',
        message: 'Deployment is paused',
      });
      expect(before).toHaveLength(1);
      expect(await setsOf('paused', (items) => items.length === 2)).toHaveLength(2);
    },
    slow,
  );

  it(
    'scales by its scale subresource',
    async () => {
      await rollOut(deployment('sized', { replicas: 1 }));

      await lab.wire.request('PATCH', await lab.url('deployments', 'sized', 'scale'), {
        contentType: 'application/merge-patch+json',
        body: { spec: { replicas: 3 } },
      });
      const up = await lab.until('deployments', 'sized', (object) => object.status.readyReplicas === 3, 20);
      await lab.wire.request('PATCH', await lab.url('deployments', 'sized', 'scale'), {
        contentType: 'application/merge-patch+json',
        body: { spec: { replicas: 0 } },
      });
      const down = await lab.until(
        'deployments',
        'sized',
        (object) => object.status.replicas === undefined,
        20,
      );

      expect(up.metadata.generation).toBe(2);
      expect(down.status).toMatchObject({ observedGeneration: 3 });
      expect(revision(down)).toBe('1');
    },
    slow,
  );

  it(
    'recreates: first all old pods go, then the new ones come',
    async () => {
      await rollOut(deployment('anew', { replicas: 2, strategy: { type: 'Recreate' } }));
      const watching = lab.wire.watch(
        await lab.url('pods'),
        { labelSelector: 'app=anew', timeoutSeconds: String(30 * patience) },
        (events) =>
          events.filter(
            ({ object }) =>
              object.metadata.annotations?.version === 'two' && condition(object, 'Ready')?.status === 'True',
          ).length >= 2,
      );

      await lab.patch('deployments', 'anew', version('two'), 'strategic');
      const events = await watching;

      const firstNew = events.findIndex(({ object }) => object.metadata.annotations?.version === 'two');
      const stopped = events
        .slice(0, firstNew)
        .filter(
          ({ object }) =>
            object.metadata.annotations?.version === undefined &&
            object.metadata.deletionTimestamp !== undefined,
        );
      expect(new Set(stopped.map(({ object }) => object.metadata.name)).size).toBe(2);
    },
    60_000 * patience + eventLagMs,
  );

  it(
    'keeps no more old ReplicaSets than its history limit',
    async () => {
      await rollOut(deployment('history', { replicas: 0, revisionHistoryLimit: 1 }));
      for (const name of ['two', 'three', 'four']) {
        await lab.patch('deployments', 'history', version(name), 'strategic');
        await lab.until(
          'deployments',
          'history',
          (object) =>
            object.status.observedGeneration === object.metadata.generation &&
            object.metadata.annotations[revisionValue] === String(object.metadata.generation),
        );
      }

      const sets = await setsOf('history', (items) => items.length === 2);

      // Of two made in one second 1.20 does not know the older.
      expect(sets.map(revision)).toContain('4');
    },
    slow,
  );

  it(
    'waits minReadySeconds before a pod counts as available',
    async () => {
      await lab.create('deployments', deployment('patient', { minReadySeconds: 3 }));

      const ready = await lab.until(
        'deployments',
        'patient',
        (object) => object.status?.readyReplicas === 1,
        20,
      );
      const available = await lab.until(
        'deployments',
        'patient',
        (object) => object.status?.availableReplicas === 1,
        10,
      );

      expect(ready.status.availableReplicas).toBeUndefined();
      expect(available.status.availableReplicas).toBe(1);
    },
    slow,
  );

  it(
    'does not roll out when only its own labels or size change',
    async () => {
      await rollOut(deployment('calm', { replicas: 1 }));

      await lab.patch('deployments', 'calm', {
        metadata: { labels: { new: 'label' } },
        spec: { replicas: 2 },
      });
      await lab.until('deployments', 'calm', isRolledOut, 20);

      expect(await setsOf('calm', () => true)).toHaveLength(1);
    },
    slow,
  );
});

describe('a ReplicaSet', () => {
  const replicaSet = (name: string, replicas: number): Json => ({
    kind: 'ReplicaSet',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
  });

  it(
    'replaces a pod that is deleted',
    async () => {
      await lab.create('replicasets', replicaSet('whole', 1));
      await lab.until('replicasets', 'whole', (set) => set.status.readyReplicas === 1, 20);
      const [before] = await podsOf('whole');

      await lab.remove('pods', before.metadata.name, { gracePeriodSeconds: 0 });

      const after = await lab.untilList(
        'pods',
        { labelSelector: 'app=whole' },
        (items) => items.length === 1 && items[0].metadata.uid !== before.metadata.uid,
        15,
      );
      expect(after[0].metadata.ownerReferences[0]).toMatchObject({
        kind: 'ReplicaSet',
        name: 'whole',
        controller: true,
      });
    },
    slow,
  );

  it(
    'takes in a pod that its selector matches',
    async () => {
      await lab.create('pods', pod('stray', idle, {}, { labels: { app: 'adopting' } }));

      await lab.create('replicasets', replicaSet('adopting', 1));

      const adopted = await lab.until(
        'pods',
        'stray',
        (object) => object.metadata.ownerReferences !== undefined,
      );
      expect(adopted.metadata.ownerReferences[0].name).toBe('adopting');
      expect(await podsOf('adopting')).toHaveLength(1);
    },
    slow,
  );

  it(
    'lets go of a pod that it no longer matches, and makes another',
    async () => {
      await lab.create('replicasets', replicaSet('letting-go', 1));
      const [first] = await lab.untilList(
        'pods',
        { labelSelector: 'app=letting-go' },
        (items) => items.length === 1,
      );

      await lab.patch('pods', first.metadata.name, { metadata: { labels: { app: 'free' } } });

      const freed = await lab.until(
        'pods',
        first.metadata.name,
        (object) => object.metadata.ownerReferences === undefined,
      );
      expect(freed.metadata.labels.app).toBe('free');
      await lab.untilList('pods', { labelSelector: 'app=letting-go' }, (items) => items.length === 1);
    },
    slow,
  );

  it(
    'gives up pods that are not ready before those that are',
    async () => {
      const labels = { app: 'shrinking' };
      await lab.create('pods', pod('good', idle, {}, { labels }));
      await lab.until('pods', 'good', (object) => condition(object, 'Ready')?.status === 'True', 20);
      await lab.create('pods', pod('bad', idle, { nodeSelector: { no: 'where' } }, { labels }));
      await lab.create('replicasets', replicaSet('shrinking', 2));
      await lab.until('replicasets', 'shrinking', (set) => set.status.replicas === 2);

      await lab.patch('replicasets', 'shrinking', { spec: { replicas: 1 } });

      await lab.until(
        'pods',
        'bad',
        (object) => object === undefined || object.metadata.deletionTimestamp !== undefined,
      );
      expect((await lab.get('pods', 'good')).metadata.deletionTimestamp).toBeUndefined();
    },
    slow,
  );

  it(
    'replaces a pod that ended',
    async () => {
      const ending = replicaSet('ending', 1);
      await lab.create('replicasets', ending);
      const [first] = await lab.untilList(
        'pods',
        { labelSelector: 'app=ending' },
        (items) => items[0]?.status?.phase === 'Running',
        20,
      );

      await lab.wire.request('PATCH', await lab.url('pods', first.metadata.name), {
        contentType: 'application/merge-patch+json',
        body: { spec: { activeDeadlineSeconds: 1 } },
      });

      await lab.untilList(
        'pods',
        { labelSelector: 'app=ending' },
        (items) => items.some((entry) => entry.status.phase === 'Failed') && items.length === 2,
        20,
      );
    },
    slow,
  );

  it(
    'labels of its pods are counted, and its status tells them',
    async () => {
      await lab.create('replicasets', replicaSet('counting', 2));

      const set = await lab.until(
        'replicasets',
        'counting',
        (object) => object.status.availableReplicas === 2,
        20,
      );

      expect(set.status).toMatchObject({
        replicas: 2,
        fullyLabeledReplicas: 2,
        readyReplicas: 2,
        observedGeneration: 1,
      });
    },
    slow,
  );
});
