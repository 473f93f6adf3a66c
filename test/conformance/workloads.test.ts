import { describe, expect, it } from '@jest/globals';
import { patience, useLab } from './lab.ts';
import { condition, container, idle, job, template } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('workloads');
const slow = 45_000 * patience;
const podsOf = async (selector: string): Promise<Json[]> =>
  (await lab.read('pods', undefined, { labelSelector: selector })).body.items;
const version = (name: string): Json => ({
  spec: { template: { metadata: { annotations: { version: name } } } },
});

describe('a StatefulSet', () => {
  const set = (name: string, spec: Json = {}): Json => ({
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      replicas: 2,
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: template(name),
      ...spec,
    },
  });
  const ready =
    (count: number) =>
    (object: Json): boolean =>
      object.status?.readyReplicas === count;

  it(
    'makes its pods in order, each when the one before is ready',
    async () => {
      await lab.create('statefulsets', set('ordered'));

      await lab.until('statefulsets', 'ordered', ready(2), 25);

      const pods = await podsOf('app=ordered');
      expect(pods.map(({ metadata }) => metadata.name)).toEqual(['ordered-0', 'ordered-1']);
      expect(Date.parse(pods[1].metadata.creationTimestamp)).toBeGreaterThanOrEqual(
        Date.parse(condition(pods[0], 'Ready').lastTransitionTime),
      );
      expect(pods[0].metadata.labels['statefulset.kubernetes.io/pod-name']).toBe('ordered-0');
      expect(pods[0].spec).toMatchObject({ hostname: 'ordered-0', subdomain: 'ordered' });
      expect(pods[0].metadata.labels['controller-revision-hash']).toMatch(/^ordered-/);
    },
    slow,
  );

  it(
    'tells its revisions and its counts',
    async () => {
      await lab.create('statefulsets', set('counted', { replicas: 1 }));

      const done = await lab.until(
        'statefulsets',
        'counted',
        (object) => object.status?.currentReplicas === 1 && object.status.readyReplicas === 1,
        25,
      );

      expect(done.status).toMatchObject({ observedGeneration: 1, replicas: 1, updatedReplicas: 1 });
      expect(done.status.currentRevision).toBe(done.status.updateRevision);
      const { body } = await lab.read('controllerrevisions', done.status.updateRevision);
      expect(body).toMatchObject({ kind: 'ControllerRevision', revision: 1 });
    },
    slow,
  );

  it(
    'gives up the last first',
    async () => {
      await lab.create('statefulsets', set('shrinking', { podManagementPolicy: 'Parallel' }));
      await lab.until('statefulsets', 'shrinking', ready(2), 25);

      await lab.patch('statefulsets', 'shrinking', { spec: { replicas: 1 } });

      await lab.until(
        'pods',
        'shrinking-1',
        (object) => object === undefined || object.metadata.deletionTimestamp !== undefined,
      );
      expect((await lab.get('pods', 'shrinking-0')).metadata.deletionTimestamp).toBeUndefined();
    },
    slow,
  );

  it(
    'replaces a pod under its own name',
    async () => {
      await lab.create('statefulsets', set('stable', { replicas: 1 }));
      await lab.until('statefulsets', 'stable', ready(1), 25);
      const before = await lab.get('pods', 'stable-0');

      await lab.remove('pods', 'stable-0', { gracePeriodSeconds: 0 });

      const after = await lab.until(
        'pods',
        'stable-0',
        (object) => object !== undefined && object.metadata.uid !== before.metadata.uid,
        15,
      );
      expect(after.metadata.name).toBe('stable-0');
    },
    slow,
  );

  it(
    'updates from the last to its partition',
    async () => {
      await lab.create(
        'statefulsets',
        set('parted', {
          podManagementPolicy: 'Parallel',
          updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
        }),
      );
      const first = await lab.until('statefulsets', 'parted', ready(2), 25);
      const old = await lab.get('pods', 'parted-1');

      await lab.patch('statefulsets', 'parted', version('two'), 'strategic');
      // A pod's removal from a real node of 1.20 takes up to 15 s.
      await lab.until(
        'pods',
        'parted-1',
        (object) => object !== undefined && object.metadata.uid !== old.metadata.uid,
        30,
      );

      const after = await lab.get('statefulsets', 'parted');
      expect((await lab.get('pods', 'parted-1')).metadata.annotations.version).toBe('two');
      expect((await lab.get('pods', 'parted-0')).metadata.annotations?.version).toBeUndefined();
      expect(after.status.updateRevision).not.toBe(first.status.currentRevision);
    },
    slow,
  );

  it(
    'writes events that name its pods',
    async () => {
      await lab.create('statefulsets', set('telling', { replicas: 1 }));

      const events = await lab.untilList(
        'events',
        { fieldSelector: 'involvedObject.name=telling' },
        (items) => items.length > 0,
      );

      // In current releases the message begins with a capital.
      expect(events[0]).toMatchObject({
        reason: 'SuccessfulCreate',
        message: expect.stringMatching(/^[cC]reate Pod telling-0 in StatefulSet telling successful$/),
      });
    },
    slow,
  );
});

describe('a DaemonSet', () => {
  const set = (name: string, spec: Json = {}): Json => ({
    kind: 'DaemonSet',
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template: template(name), ...spec },
  });

  it(
    'runs one pod a node',
    async () => {
      await lab.create('daemonsets', set('everywhere'));

      const done = await lab.until(
        'daemonsets',
        'everywhere',
        (object) => object.status?.numberAvailable === 1,
        25,
      );

      expect(done.status).toMatchObject({
        desiredNumberScheduled: 1,
        currentNumberScheduled: 1,
        numberReady: 1,
        updatedNumberScheduled: 1,
        numberMisscheduled: 0,
        observedGeneration: 1,
      });
      const [pod] = await podsOf('app=everywhere');
      expect(pod.metadata.ownerReferences[0]).toMatchObject({ kind: 'DaemonSet', name: 'everywhere' });
    },
    slow,
  );

  it(
    'runs none where its node selector does not match',
    async () => {
      await lab.create(
        'daemonsets',
        set('nowhere', {
          template: {
            ...template('nowhere'),
            spec: { ...template('nowhere').spec, nodeSelector: { no: 'where' } },
          },
        }),
      );

      const done = await lab.until(
        'daemonsets',
        'nowhere',
        (object) => object.status?.observedGeneration === 1,
      );

      expect(done.status.desiredNumberScheduled).toBe(0);
      expect(await podsOf('app=nowhere')).toEqual([]);
    },
    slow,
  );

  it(
    'replaces its pods when the template changes',
    async () => {
      await lab.create('daemonsets', set('renewed'));
      await lab.until('daemonsets', 'renewed', (object) => object.status?.numberAvailable === 1, 25);

      await lab.patch('daemonsets', 'renewed', version('two'), 'strategic');

      await lab.untilList(
        'pods',
        { labelSelector: 'app=renewed' },
        (items) => items.some((pod) => pod.metadata.annotations?.version === 'two'),
        30,
      );
    },
    slow,
  );
});

describe('a Job', () => {
  const ended = (object: Json): boolean =>
    object?.status?.conditions?.some(
      (entry: Json) => entry.status === 'True' && ['Complete', 'Failed'].includes(entry.type),
    ) === true;
  async function run(object: Json, seconds = 25): Promise<Json> {
    await lab.create('jobs', object);
    return lab.until('jobs', object.metadata.name, ended, seconds);
  }

  it(
    'is Complete when its pod succeeded',
    async () => {
      const done = await run(job('complete', 'true'));

      expect(condition(done, 'Complete').status).toBe('True');
      expect(done.status).toMatchObject({ succeeded: 1 });
      expect(done.status.active).toBeFalsy();
      expect(Date.parse(done.status.completionTime)).toBeGreaterThanOrEqual(
        Date.parse(done.status.startTime),
      );
      const events = await lab.untilList(
        'events',
        { fieldSelector: 'involvedObject.name=complete' },
        (items) => items.some(({ reason }) => reason === 'Completed'),
      );
      expect(events.find(({ reason }) => reason === 'SuccessfulCreate')?.message).toMatch(
        /^Created pod: complete-/,
      );
      expect(events.find(({ reason }) => reason === 'Completed')?.message).toBe('Job completed');
    },
    slow,
  );

  it(
    'labels its pods with its name and uid',
    async () => {
      const done = await run(job('labels', 'true'));

      const [pod] = await podsOf('job-name=labels');
      expect(pod.metadata.labels).toMatchObject({
        'job-name': 'labels',
        'controller-uid': done.metadata.uid,
      });
      expect(pod.status.phase).toBe('Succeeded');
    },
    slow,
  );

  it(
    'fails after its backoff limit',
    async () => {
      const done = await run(job('failing', 'exit 1', { backoffLimit: 0 }));

      expect(condition(done, 'Failed')).toMatchObject({
        status: 'True',
        reason: 'BackoffLimitExceeded',
        message: 'Job has reached the specified backoff limit',
      });
      expect(done.status).toMatchObject({ failed: 1 });
      expect(done.status.completionTime).toBeUndefined();
    },
    slow,
  );

  it(
    'runs as many pods as it needs, no more at once than it may',
    async () => {
      const watching = lab.wire.watch(
        await lab.url('jobs'),
        { fieldSelector: 'metadata.name=several', timeoutSeconds: String(30 * patience) },
        (events) => events.some(({ object }) => ended(object)),
      );

      await lab.create('jobs', job('several', 'sleep 0.5', { completions: 3, parallelism: 2 }));
      const events = await watching;

      expect(Math.max(...events.map(({ object }) => object.status?.active ?? 0))).toBe(2);
      expect(events.at(-1)?.object.status.succeeded).toBe(3);
    },
    slow,
  );

  it(
    'ends at its active deadline and takes its pods away',
    async () => {
      const done = await run(job('overdue', idle, { activeDeadlineSeconds: 2 }));

      expect(condition(done, 'Failed')).toMatchObject({
        status: 'True',
        reason: 'DeadlineExceeded',
        message: 'Job was active longer than specified deadline',
      });
      await lab.untilList(
        'pods',
        { labelSelector: 'job-name=overdue' },
        (items) => items.every((pod) => pod.metadata.deletionTimestamp !== undefined),
        15,
      );
    },
    slow,
  );

  it(
    'is removed some time after it ended',
    async () => {
      await lab.create('jobs', job('brief', 'true', { ttlSecondsAfterFinished: 1 }));

      await lab.until(
        'jobs',
        'brief',
        (object) => object === undefined || object.metadata.deletionTimestamp !== undefined,
        25,
      );
    },
    slow,
  );

  it(
    'lets a pod try again in its place with OnFailure',
    async () => {
      const mounts = { volumeMounts: [{ name: 's', mountPath: '/s' }] };
      const spec = {
        restartPolicy: 'OnFailure',
        volumes: [{ name: 's', emptyDir: {} }],
        containers: [container('test -e /s/x && exit 0; touch /s/x; exit 1', mounts)],
      };

      const done = await run(job('retried', '', { template: { spec } }));

      expect(condition(done, 'Complete').status).toBe('True');
      expect(await podsOf('job-name=retried')).toHaveLength(1);
    },
    slow,
  );

  it(
    'without completions is done when one pod succeeded and all ended',
    async () => {
      const done = await run(job('queue', 'sleep 0.3', { parallelism: 2 }));

      expect(done.status.succeeded).toBe(2);
      expect(done.spec.completions).toBeUndefined();
    },
    slow,
  );

  it(
    'leaves its pods when it is done, and takes them with it in the background',
    async () => {
      await run(job('tidied', 'true'));
      expect(await podsOf('job-name=tidied')).toHaveLength(1);

      await lab.remove('jobs', 'tidied', { propagationPolicy: 'Background' });

      await lab.untilList(
        'pods',
        { labelSelector: 'job-name=tidied' },
        (items) => items.every((pod) => pod.metadata.deletionTimestamp !== undefined),
        15,
      );
    },
    slow,
  );
});
