import { describe, expect, it } from '@jest/globals';
import type { PodFacts } from '../../../../../src/adapters/kubernetes/agent/pod-facts.ts';
import { describeWaiting, findPodProblem } from '../../../../../src/adapters/kubernetes/agent/pod-problem.ts';
import { parsePod } from '../../../../../src/adapters/kubernetes/agent/pod-status.ts';

interface Given {
  status?: Record<string, unknown>;
  deleting?: boolean;
  events?: { reason: string; message?: string; type?: string; count?: number }[];
  gone?: boolean;
  ageMs?: number;
  memory?: string;
  initContainers?: object[];
}

function facts(given: Given): PodFacts {
  const limits = given.memory === undefined ? {} : { resources: { limits: { memory: given.memory } } };
  const pod = parsePod({
    metadata: {
      name: 'shop-1',
      namespace: 'ci',
      uid: 'u',
      ...(given.deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      ...(given.initContainers === undefined ? {} : { initContainers: given.initContainers }),
      containers: [
        { name: 'main', image: 'node:24', ...limits },
        { name: 'db', image: 'postgres:16' },
      ],
    },
    status: { phase: 'Pending', ...given.status },
  });
  return {
    pod,
    events: (given.events ?? []).map(({ reason, message = '', type = 'Warning', count = 1 }) => ({
      reason,
      message,
      type,
      count,
      fieldPath: '',
    })),
    gone: given.gone ?? false,
    ageMs: given.ageMs ?? 10_000,
    unschedulableMs: 8000,
    stepContainers: new Set(['main']),
  };
}

function waiting(reason: string, message = '', name = 'main') {
  return { containerStatuses: [{ name, image: '', state: { waiting: { reason, message } } }] };
}

function terminated(exitCode: number, reason: string, name = 'main') {
  return { phase: 'Running', containerStatuses: [{ name, state: { terminated: { exitCode, reason } } }] };
}

/** A sidecar as a 1.36 kubelet reports it. */
function sidecar(restartCount: number, state: object, reason = 'Error') {
  const terminated = { exitCode: 7, reason, message: 'loading\nno key at /etc/proxy\n' };
  return {
    initContainers: [{ name: 'proxy', restartPolicy: 'Always' }],
    status: { initContainerStatuses: [{ name: 'proxy', restartCount, state, lastState: { terminated } }] },
  };
}

const unschedulable = {
  conditions: [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/3 nodes are available: 3 Insufficient cpu.',
    },
  ],
};
const notFound =
  'Failed to pull image "node:24": rpc error: code = Unknown desc = Error response from daemon: manifest unknown';

describe('an agent pod that is evicted', () => {
  // As seen on 1.36: nothing but the event says so.
  const ended = {
    phase: 'Succeeded',
    containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 0 } } }],
  };
  const message = 'The node was low on resource: ephemeral-storage.';

  it('is told by its event, where its status says nothing', () => {
    expect(findPodProblem(facts({ status: ended, events: [{ reason: 'Evicted', message }] }))).toEqual({
      problem: 'evicted',
      message: `agent pod shop-1 was evicted from its node: ${message}`,
    });
  });

  it('is waited for as long as nothing says why its container ended', () => {
    expect(findPodProblem(facts({ status: ended }))).toMatchObject({
      problem: 'containerExited',
      isUnexplained: true,
    });
    expect(findPodProblem(facts({ status: terminated(5, 'Error', 'db') }))?.isUnexplained).toBeUndefined();
  });
});

describe('a sidecar of an agent pod', () => {
  it.each([
    ['has ended once', 0, { terminated: { exitCode: 7, reason: 'Error' } }],
    ['was restarted', 1, { running: {} }],
    ['is restarted after a while', 2, { waiting: { reason: 'CrashLoopBackOff' } }],
    ['was restarted often and runs', 5, { running: {} }],
  ])('that %s is no problem', (_how, restarts, state) => {
    expect(findPodProblem(facts(sidecar(restarts, state)))).toBeUndefined();
  });

  it('that keeps crashing is one, with its last log lines', () => {
    expect(findPodProblem(facts(sidecar(3, { waiting: { reason: 'CrashLoopBackOff' } })))).toEqual({
      problem: 'containerExited',
      message:
        'container proxy of agent pod shop-1 keeps crashing: restarted 3 times, ended with exit code 7; its last log lines: loading | no key at /etc/proxy',
    });
    expect(
      findPodProblem(facts(sidecar(3, { waiting: { reason: 'CrashLoopBackOff' } }, 'OOMKilled'))),
    ).toMatchObject({
      problem: 'outOfMemory',
    });
  });
});

describe('why an agent pod cannot do its work', () => {
  it.each<[string, Given, string, RegExp]>([
    [
      'the image is not there',
      { status: waiting('ErrImagePull', 'rpc error'), events: [{ reason: 'Failed', message: notFound }] },
      'imagePull',
      /cannot pull image "node:24" for container main: manifest unknown$/,
    ],
    [
      'the pull is backed off from',
      {
        status: waiting('ImagePullBackOff', 'Back-off pulling image "node:24"'),
        events: [{ reason: 'Failed', message: notFound }],
      },
      'imagePull',
      /manifest unknown/,
    ],
    [
      'the pull is backed off from and the events are out of reach',
      { status: waiting('ImagePullBackOff', 'Back-off pulling image "node:24"') },
      'imagePull',
      /Back-off pulling image/,
    ],
    [
      'the image’s name is wrong',
      { status: waiting('InvalidImageName', 'couldn\'t parse image reference "No:Such"') },
      'imagePull',
      /couldn't parse/,
    ],
    [
      'an image that must be there is not',
      { status: waiting('ErrImageNeverPull', 'Container image "x" is not present') },
      'imagePull',
      /not present/,
    ],
    [
      'the registry timed out three times',
      {
        status: waiting('ErrImagePull'),
        events: [
          {
            reason: 'Failed',
            message: 'Failed to pull image "node:24": net/http: TLS handshake timeout',
            count: 3,
          },
        ],
      },
      'imagePull',
      /TLS handshake timeout/,
    ],
    [
      'a referenced secret is missing',
      { status: waiting('CreateContainerConfigError', 'secret "npm" not found') },
      'containerStart',
      /container main cannot be started: secret "npm" not found/,
    ],
    [
      'there is no shell',
      { status: waiting('RunContainerError', 'exec: "/bin/sh": stat /bin/sh: no such file or directory') },
      'containerStart',
      /no such file/,
    ],
    [
      'the command cannot run',
      {
        status: {
          containerStatuses: [
            {
              name: 'main',
              state: {
                terminated: {
                  exitCode: 127,
                  reason: 'ContainerCannotRun',
                  message: 'OCI runtime create failed',
                },
              },
            },
          ],
        },
      },
      'containerStart',
      /OCI runtime create failed/,
    ],
    [
      'no node has room',
      { status: unschedulable },
      'unschedulable',
      /no node takes agent pod shop-1: 0\/3 nodes are available/,
    ],
    [
      'a container was killed for memory',
      { status: terminated(137, 'OOMKilled'), memory: '128Mi' },
      'outOfMemory',
      /container main of agent pod shop-1 was killed: out of memory \(its limit is 128Mi\)/,
    ],
    [
      'a service was killed for memory',
      { status: terminated(137, 'OOMKilled', 'db') },
      'outOfMemory',
      /container db/,
    ],
    [
      'the main process ended',
      { status: terminated(0, 'Completed') },
      'containerExited',
      /main .* ended with exit code 0/,
    ],
    [
      'a service failed',
      { status: terminated(1, 'Error', 'db') },
      'containerExited',
      /container db .* ended with exit code 1 \(Error\)/,
    ],
    [
      'the kubelet evicted it',
      { status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' } },
      'evicted',
      /evicted from its node: The node was low/,
    ],
    [
      'its deadline has passed',
      { status: { phase: 'Failed', reason: 'DeadlineExceeded' } },
      'deadlineExceeded',
      /deadline has passed/,
    ],
    [
      'its node went down',
      { status: { phase: 'Failed', reason: 'Shutdown', message: 'Node is shutting down' } },
      'nodeLost',
      /Node is shutting down/,
    ],
    [
      'the node refused it',
      {
        status: { phase: 'Failed', reason: 'OutOfcpu', message: "Pod Node didn't have enough resource: cpu" },
      },
      'nodeRefused',
      /the node refused .* OutOfcpu/,
    ],
    ['somebody deleted it', { gone: true }, 'deleted', /was deleted/],
    [
      'somebody is deleting it',
      { deleting: true, status: terminated(0, 'Completed') },
      'deleted',
      /was deleted/,
    ],
    [
      'the scheduler preempted it',
      {
        deleting: true,
        events: [{ reason: 'Preempted', message: 'Preempted by default/big', type: 'Normal' }],
      },
      'preempted',
      /preempted .*: Preempted by default\/big/,
    ],
    [
      'a disruption preempted it',
      {
        gone: true,
        status: {
          phase: 'Running',
          conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
        },
      },
      'preempted',
      /preempted/,
    ],
    [
      'the eviction API took it',
      {
        gone: true,
        status: {
          conditions: [
            { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'drained' },
          ],
        },
      },
      'evicted',
      /drained/,
    ],
    [
      'its node was lost',
      { gone: true, events: [{ reason: 'TaintManagerEviction', message: 'Marking for deletion Pod' }] },
      'nodeLost',
      /removed from its node/,
    ],
    [
      'a volume’s secret is missing',
      {
        events: [
          { reason: 'FailedMount', message: 'MountVolume.SetUp failed for volume "x": secret "x" not found' },
        ],
      },
      'containerStart',
      /secret "x" not found/,
    ],
    [
      'its sandbox cannot be made',
      { events: [{ reason: 'FailedCreatePodSandBox', message: 'no IP addresses left', count: 3 }] },
      'containerStart',
      /no IP addresses left/,
    ],
  ])('tells when %s', (_, given, problem, message) => {
    const verdict = findPodProblem(facts(given));

    expect(verdict?.problem).toBe(problem);
    expect(verdict?.message).toMatch(message);
    expect(verdict?.message).not.toContain('\n');
  });

  it.each<[string, Given]>([
    ['it is being pulled', { status: waiting('ContainerCreating') }],
    [
      'it runs',
      { status: { phase: 'Running', containerStatuses: [{ name: 'main', state: { running: {} } }] } },
    ],
    [
      'a pull that may succeed failed once',
      {
        status: waiting('ErrImagePull'),
        events: [
          {
            reason: 'Failed',
            message: 'Failed to pull image "node:24": received unexpected HTTP status: 500',
          },
        ],
      },
    ],
    ['it is unschedulable for a moment only', { status: unschedulable, ageMs: 2000 }],
    [
      'a node is added for it',
      { status: unschedulable, events: [{ reason: 'TriggeredScaleUp', type: 'Normal' }] },
    ],
    [
      'a volume is made for its claim',
      {
        status: {
          conditions: [
            {
              ...unschedulable.conditions[0],
              message: '0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.',
            },
          ],
        },
      },
    ],
    [
      'its kubelet does not reach the API server',
      {
        status: waiting(
          'CreateContainerConfigError',
          'failed to sync secret cache: timed out waiting for the condition',
        ),
      },
    ],
    ['a service has done its work', { status: terminated(0, 'Completed', 'db') }],
    [
      'a volume is mounted at the second try',
      { events: [{ reason: 'FailedMount', message: 'timed out waiting for the condition' }] },
    ],
  ])('waits while %s', (_, given) => {
    expect(findPodProblem(facts(given))).toBeUndefined();
  });

  it('says what a slow pod waits for', () => {
    const { pod, events } = facts({
      status: waiting('ContainerCreating'),
      events: [{ reason: 'FailedMount', message: 'timed out' }],
    });

    expect(describeWaiting({ pod, events })).toBe('main ContainerCreating; FailedMount: timed out');
  });
});
