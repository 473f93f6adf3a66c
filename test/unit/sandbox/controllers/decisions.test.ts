import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { withCondition } from '../../../../src/sandbox/controllers/status.ts';
import { budgetCounts } from '../../../../src/sandbox/controllers/disruption.ts';
import { decideJob, jobBackoffMs, type JobCounts } from '../../../../src/sandbox/controllers/job.ts';
import { availableInMs, compareForDeletion } from '../../../../src/sandbox/controllers/pod-facts.ts';
import { selectorMatches } from '../../../../src/sandbox/controllers/selectors.ts';
import { groupEndpoints } from '../../../../src/sandbox/controllers/endpoints.ts';
import { planCollection } from '../../../../src/sandbox/controllers/garbage-collector.ts';
import { createInventory } from '../../../../src/sandbox/controllers/inventory.ts';
import { ordinalOf, planStatefulSet } from '../../../../src/sandbox/controllers/stateful-set.ts';
import { hashOf, sameTemplate } from '../../../../src/sandbox/controllers/template-hash.ts';
import type {
  JobSpec,
  LabelSelector,
  Pod,
  Service,
  StatefulSet,
} from '../../../../src/sandbox/controllers/workload-types.ts';
import type { OwnerReference } from '../../../../src/sandbox/store/objects.ts';

function pod(
  name: string,
  more: { ready?: boolean | string; spec?: object; status?: object; metadata?: object } = {},
): Pod {
  const { ready = true } = more;
  const since = typeof ready === 'string' ? ready : '2026-01-01T00:00:00Z';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...more.metadata,
    },
    spec: { containers: [{ name: 'main', image: 'app:1' }], nodeName: 'node', ...more.spec },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [{ type: 'Ready', status: ready === false ? 'False' : 'True', lastTransitionTime: since }],
      ...more.status,
    },
  };
}

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front' };
  it.each<[string, NonNullable<LabelSelector['matchExpressions']>[number], boolean]>([
    ['In with the value', { key: 'app', operator: 'In', values: ['web', 'api'] }, true],
    ['In without the label', { key: 'zone', operator: 'In', values: ['a'] }, false],
    ['NotIn without the label', { key: 'zone', operator: 'NotIn', values: ['a'] }, true],
    ['NotIn with the value', { key: 'app', operator: 'NotIn', values: ['web'] }, false],
    ['Exists', { key: 'tier', operator: 'Exists' }, true],
    ['DoesNotExist with the label', { key: 'tier', operator: 'DoesNotExist' }, false],
  ])('%s', (_name, requirement, expected) => {
    expect(selectorMatches({ matchExpressions: [requirement] }, labels)).toBe(expected);
  });

  it('match nothing when missing and everything when empty', () => {
    expect(selectorMatches(undefined, labels)).toBe(false);
    expect(selectorMatches({}, labels)).toBe(true);
  });
});

describe('conditions', () => {
  it('keep the transition time while only the reason changes', () => {
    const before = [{ type: 'Ready', status: 'True' as const, reason: 'A', lastTransitionTime: 'then' }];

    const [after] = withCondition(before, {
      type: 'Ready',
      status: 'True',
      reason: 'B',
      lastTransitionTime: 'now',
    });

    expect(after).toEqual({ type: 'Ready', status: 'True', reason: 'B', lastTransitionTime: 'then' });
  });

  it('are left as they are when status and reason are the same', () => {
    const before = [{ type: 'Ready', status: 'True' as const, reason: 'A', message: 'old' }];

    expect(withCondition(before, { type: 'Ready', status: 'True', reason: 'A', message: 'new' })).toEqual(
      before,
    );
  });
});

describe('which pod a ReplicaSet gives up first', () => {
  it.each<[string, Pod, Pod]>([
    ['unassigned before assigned', pod('a', { spec: { nodeName: undefined } }), pod('b')],
    ['pending before running', pod('a', { status: { phase: 'Pending' } }), pod('b')],
    ['not ready before ready', pod('a', { ready: false }), pod('b')],
    [
      'the cheaper one',
      pod('a', { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } } }),
      pod('b'),
    ],
    ['the one that became ready last', pod('a', { ready: '2026-01-02T00:00:00Z' }), pod('b')],
    [
      'the one with more restarts',
      pod('a', { status: { containerStatuses: [{ restartCount: 2 }] } }),
      pod('b'),
    ],
    ['the newer one', pod('a', { metadata: { creationTimestamp: '2026-01-02T00:00:00Z' } }), pod('b')],
  ])('%s', (_name, first, second) => {
    expect([second, first].sort(compareForDeletion)[0]?.metadata.name).toBe('a');
  });
});

describe('availability', () => {
  it('counts minReadySeconds from when the pod became ready', () => {
    const ready = pod('a', { ready: '2026-01-01T00:00:00Z' });
    const now = Date.parse('2026-01-01T00:00:04Z');

    expect(availableInMs(ready, 10, now)).toBe(6000);
    expect(availableInMs(ready, 0, now)).toBe(0);
    expect(availableInMs(pod('b', { ready: false }), 0, now)).toBeUndefined();
  });
});

describe('a StatefulSet', () => {
  const template = { spec: { containers: [{ name: 'main', image: 'db:2' }] } };
  const setOf = (spec: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...pod('db').metadata },
    spec: { replicas: 3, serviceName: 'db', selector: {}, template, ...spec },
  });
  const revision = `db-${hashOf(template)}`;
  const member = (ordinal: number, more: Parameters<typeof pod>[1] & { revision?: string } = {}): Pod =>
    pod(`db-${ordinal}`, {
      ...more,
      metadata: { labels: { 'controller-revision-hash': more.revision ?? revision }, ...more.metadata },
    });
  const going = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  /** What is done to pods, as `create db-0`. */
  const steps = (pods: Pod[], spec?: Partial<StatefulSet['spec']>): string[] => {
    const world = { cluster: createInventory(), nowMs: 0, isServed: () => true };
    return (planStatefulSet(setOf(spec), world, pods).actions ?? []).flatMap((action) =>
      action.act !== 'event' && action.object.kind === 'Pod'
        ? [`${action.act} ${action.object.metadata.name ?? ''}`]
        : [],
    );
  };

  it('makes its pods one after the other', () => {
    expect(steps([])).toEqual(['create db-0']);
    expect(steps([member(0, { ready: false })])).toEqual([]);
    expect(steps([member(0)])).toEqual(['create db-1']);
  });

  it('makes them all at once when Parallel', () => {
    expect(steps([], { podManagementPolicy: 'Parallel' })).toHaveLength(3);
  });

  it('shrinks from the last, one at a time', () => {
    const pods = [0, 1, 2, 3].map((ordinal) => member(ordinal));

    expect(steps([...pods, member(4)])).toEqual(['delete db-4']);
    expect(steps([...pods, member(4, { metadata: going })])).toEqual([]);
  });

  it('updates from the last down to the partition, each after the one above is ready', () => {
    const old = [0, 1, 2].map((ordinal) => member(ordinal, { revision: 'old' }));
    const partition = { updateStrategy: { rollingUpdate: { partition: 2 } } };

    expect(steps(old)).toEqual(['delete db-2']);
    expect(steps([old[0]!, old[1]!, member(2, { ready: false })])).toEqual([]);
    expect(steps([old[0]!, old[1]!, member(2)], partition)).toEqual([]);
    expect(steps(old, { updateStrategy: { type: 'OnDelete' } })).toEqual([]);
  });

  it('replaces a pod that ended', () => {
    expect(steps([member(0, { ready: false, status: { phase: 'Failed' } })])).toEqual(['delete db-0']);
  });

  it('knows its pods by their names', () => {
    expect(ordinalOf('web', 'web-12')).toBe(12);
    expect(['web-01', 'web-x', 'other-1'].map((name) => ordinalOf('web', name))).toEqual([-1, -1, -1]);
  });
});

describe('garbage collection', () => {
  const reference = (name: string, more: object = {}): OwnerReference => ({
    apiVersion: 'v1',
    kind: 'Pod',
    name,
    uid: name,
    ...more,
  });
  const owned = (...ownerReferences: OwnerReference[]): Pod =>
    pod('owned', { metadata: { ownerReferences } });
  /** What is done, as `delete owned`, in a cluster that holds these. */
  const collected = (object: Pod, ...others: Pod[]): string[] => {
    const cluster = createInventory();
    for (const other of [object, ...others]) cluster.follow({ type: 'ADDED', object: other });
    const isServed = (_apiVersion: string, kind: string): boolean => kind === 'Pod';
    return planCollection(object, { cluster, nowMs: 0, isServed }).map((action) =>
      action.act === 'delete'
        ? `delete ${action.object.metadata.name} ${action.propagation}`
        : action.act === 'change'
          ? `change ${action.object.metadata.name}`
          : action.act,
    );
  };
  const going = { deletionTimestamp: '2026-01-01T00:00:00Z' };

  it('takes what has lost all its owners, and not what has one left', () => {
    expect(collected(owned(reference('gone')))).toEqual(['delete owned Background']);
    expect(collected(owned(reference('there')), pod('there'))).toEqual([]);
    expect(collected(owned(reference('gone'), reference('there')), pod('there'))).toEqual(['change owned']);
  });

  it('takes an owner of the same name for another one', () => {
    const other = pod('there', { metadata: { uid: 'made anew' } });

    expect(collected(owned(reference('there')), other)).toEqual(['delete owned Background']);
  });

  it('leaves alone what is owned by a kind that it does not know', () => {
    expect(collected(owned(reference('gone', { kind: 'Unknown' })))).toEqual([]);
  });

  it('removes the dependents of an owner in the foreground first', () => {
    const blocking = owned(reference('owner', { blockOwnerDeletion: true }));
    const owner = pod('owner', { metadata: { ...going, finalizers: ['foregroundDeletion'] } });

    expect(collected(owner, blocking)).toEqual(['delete owned Background']);
    expect(collected(owner, pod('owned', { metadata: { ...blocking.metadata, ...going } }))).toEqual([]);
    expect(collected(owner)).toEqual(['change owner']);
  });

  it('lets go of the dependents that are to be orphans', () => {
    const owner = pod('owner', { metadata: { ...going, finalizers: ['orphan'] } });

    expect(collected(owner, owned(reference('owner')))).toEqual(['change owned', 'change owner']);
  });
});

describe('a Job', () => {
  const spec = (more: Partial<JobSpec> = {}): JobSpec => ({
    parallelism: 1,
    completions: 1,
    backoffLimit: 2,
    template: { spec: { containers: [] } },
    ...more,
  });
  const counts = (more: Partial<JobCounts> = {}): JobCounts => ({
    active: 0,
    succeeded: 0,
    failed: 0,
    restarts: 0,
    ...more,
  });

  it.each<[string, JobSpec, JobCounts, object]>([
    [
      'starts as many pods as parallelism allows',
      spec({ parallelism: 2, completions: 5 }),
      counts(),
      { pods: 2 },
    ],
    [
      'starts no more than are missing',
      spec({ parallelism: 3, completions: 5 }),
      counts({ succeeded: 4 }),
      { pods: 1 },
    ],
    ['stops surplus pods', spec({ parallelism: 1, completions: 5 }), counts({ active: 3 }), { pods: -2 }],
    [
      'is complete with its last completion',
      spec({ completions: 2 }),
      counts({ succeeded: 2 }),
      { end: { type: 'Complete' } },
    ],
    ['retries up to the limit', spec(), counts({ failed: 2 }), { pods: 1 }],
    [
      'fails past the limit',
      spec(),
      counts({ failed: 3 }),
      { end: { type: 'Failed', reason: 'BackoffLimitExceeded' } },
    ],
    [
      'counts restarts with OnFailure',
      spec({ template: { spec: { containers: [], restartPolicy: 'OnFailure' } } }),
      counts({ active: 1, restarts: 2 }),
      { end: { type: 'Failed', reason: 'BackoffLimitExceeded' } },
    ],
    ['runs no pod while suspended', spec({ suspend: true }), counts({ active: 2 }), { pods: -2 }],
  ])('%s', (_name, given, seen, expected) => {
    expect(decideJob(given, seen, 0)).toMatchObject(expected);
  });

  it('starts nothing new in a work queue once a pod succeeded, and is complete when the last one ended', () => {
    const { completions: _completions, ...queue } = spec({ parallelism: 3 });

    expect(decideJob(queue, counts({ active: 2, succeeded: 1 }), 0)).toEqual({ pods: 0 });
    expect(decideJob(queue, counts({ succeeded: 1 }), 0)).toEqual({ end: { type: 'Complete' } });
  });

  it('fails at its deadline whatever else', () => {
    const decision = decideJob(spec({ activeDeadlineSeconds: 5 }), counts({ succeeded: 1 }), 5000);

    expect(decision).toMatchObject({ end: { type: 'Failed', reason: 'DeadlineExceeded' } });
  });

  it('waits 10 s, 20 s, 40 s, at most 6 minutes between failures', () => {
    expect([0, 1, 2, 3, 10].map(jobBackoffMs)).toEqual([0, 10_000, 20_000, 40_000, 360_000]);
  });
});

describe('a PodDisruptionBudget', () => {
  it.each([
    [{ minAvailable: 2 }, { pods: 3, healthy: 3, scale: 3 }, 1],
    [{ minAvailable: 2 }, { pods: 3, healthy: 2, scale: 3 }, 0],
    [{ minAvailable: '50%' }, { pods: 3, healthy: 3, scale: 3 }, 1],
    [{ maxUnavailable: 1 }, { pods: 3, healthy: 3, scale: 3 }, 1],
    [{ maxUnavailable: '30%' }, { pods: 4, healthy: 4, scale: 4 }, 2],
    [{ maxUnavailable: 0 }, { pods: 3, healthy: 3, scale: 3 }, 0],
    [{ minAvailable: 0 }, { pods: 0, healthy: 0, scale: 0 }, 0],
  ])('%j with %j allows %d disruptions', (budget, pods, allowed) => {
    expect(budgetCounts(budget, pods).disruptionsAllowed).toBe(allowed);
  });

  it('never allows more disruptions than leave the desired number healthy', () => {
    const spec = fc.oneof(
      fc.record({ minAvailable: fc.nat({ max: 20 }) }),
      fc.record({ maxUnavailable: fc.integer({ min: 0, max: 100 }).map((part) => `${part}%`) }),
    );
    fc.assert(
      fc.property(spec, fc.nat({ max: 20 }), fc.nat({ max: 20 }), (budget, pods, healthy) => {
        const counts = budgetCounts(budget, { pods, healthy: Math.min(pods, healthy), scale: pods });
        if (counts.disruptionsAllowed > 0) {
          expect(counts.currentHealthy - counts.disruptionsAllowed).toBeGreaterThanOrEqual(
            counts.desiredHealthy,
          );
        }
      }),
    );
  });
});

describe('the endpoints of a Service', () => {
  const service = (spec: object): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', uid: 'web', resourceVersion: '1', creationTimestamp: '' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
  });
  const withPort = (name: string, containerPort: number, more: object = {}): Pod =>
    pod(name, {
      spec: { containers: [{ name: 'main', ports: [{ name: 'http', containerPort }] }] },
      ...more,
    });

  it('are grouped by the numbers behind a named port', () => {
    const groups = groupEndpoints(service({}), [
      withPort('a', 8080),
      withPort('b', 9090),
      withPort('c', 8080),
    ]);

    expect(groups.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.length])).toEqual([
      [8080, 2],
      [9090, 1],
    ]);
  });

  it('leave out pods that ended, lack the port, or have no address', () => {
    const pods = [
      withPort('ended', 80, { status: { phase: 'Failed' } }),
      pod('lacks the port'),
      withPort('no address', 80, { status: { podIP: undefined } }),
    ];

    expect(groupEndpoints(service({}), pods)).toEqual([]);
  });

  it('are serving but not ready while they end', () => {
    const [group] = groupEndpoints(service({}), [
      withPort('a', 80, { metadata: { deletionTimestamp: 'now' } }),
    ]);

    expect(group?.endpoints[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
  });

  it('are published before they are ready when the Service says so', () => {
    const [group] = groupEndpoints(service({ publishNotReadyAddresses: true }), [
      withPort('a', 80, { ready: false }),
    ]);

    expect(group?.endpoints[0]?.conditions.ready).toBe(true);
  });
});

describe('the hash of a template', () => {
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'a', image: 'b' }] },
  };

  it('does not depend on the order of fields and differs by content and by collision', () => {
    const turned = {
      spec: { containers: [{ image: 'b', name: 'a' }] },
      metadata: { labels: { app: 'web' } },
    };

    expect(hashOf(turned)).toBe(hashOf(template));
    expect(hashOf({ ...template, spec: { containers: [] } })).not.toBe(hashOf(template));
    expect(hashOf(template, 1)).not.toBe(hashOf(template));
  });

  it('is not part of the comparison of templates', () => {
    const labelled = { ...template, metadata: { labels: { app: 'web', 'pod-template-hash': 'x' } } };

    expect(sameTemplate(labelled, template)).toBe(true);
    expect(sameTemplate({ ...template, metadata: { labels: { app: 'api' } } }, template)).toBe(false);
  });
});
