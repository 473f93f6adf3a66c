import { describe, expect, it } from '@jest/globals';
import { calculatePodStatus, qosClassOf } from '../../../../src/sandbox/kubelet/pod-status.ts';
import type { ContainerStatus, Pod, PodStatus } from '../../../../src/sandbox/kubelet/pod-types.ts';
import { container, ended, pod, running, status } from './pods.ts';

const now = '2026-01-01T00:01:00Z';

function calculate(
  of: Pod,
  statuses: ContainerStatus[],
  failure?: { reason: string; message: string },
): PodStatus {
  const containers = new Map(statuses.map((one) => [one.name, one]));
  return calculatePodStatus(of, {
    containers,
    podIP: '10.0.0.7',
    startTime: now,
    now,
    ...(failure ? { failure } : {}),
  });
}

const conditionOf = (of: PodStatus, type: string) => of.conditions?.find((one) => one.type === type);

describe('the status of a pod', () => {
  it.each([
    ['nothing has started', 'Always', [], 'Pending'],
    ['all run', 'Always', [status('main', running), status('side', running)], 'Running'],
    [
      'one has ended and will be started again',
      'Always',
      [status('main', ended(0)), status('side', running)],
      'Running',
    ],
    [
      'all have ended well, for good',
      'Never',
      [status('main', ended(0)), status('side', ended(0))],
      'Succeeded',
    ],
    [
      'one of all has ended badly, for good',
      'OnFailure',
      [status('main', ended(0)), status('side', ended(0))],
      'Succeeded',
    ],
    [
      'one failed and is never started again',
      'Never',
      [status('main', ended(0)), status('side', ended(3))],
      'Failed',
    ],
    [
      'one failed and one still runs',
      'Never',
      [status('main', ended(3)), status('side', running)],
      'Running',
    ],
    [
      'one waits for its image',
      'Always',
      [status('main', running), status('side', { waiting: { reason: 'ErrImagePull' } })],
      'Pending',
    ],
    [
      'one waits to be started again',
      'Always',
      [
        status('main', running),
        status('side', { waiting: { reason: 'CrashLoopBackOff' } }, { lastState: ended(1) }),
      ],
      'Running',
    ],
  ] as const)('has the right phase when %s (%s)', (_, restartPolicy, statuses, phase) => {
    const both = pod({ restartPolicy, containers: [container(), container({ name: 'side' })] });

    expect(calculate(both, [...statuses]).phase).toBe(phase);
  });

  it('is Pending while init containers run, and Failed when one failed for good', () => {
    const withInit = pod({ restartPolicy: 'Never', initContainers: [container({ name: 'init' })] });

    expect(calculate(withInit, [status('init', running)])).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
    });
    expect(conditionOf(calculate(withInit, [status('init', running)]), 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [init]',
    });
    expect(calculate(withInit, [status('init', ended(1))]).phase).toBe('Failed');
  });

  it('takes a sidecar for initialized as soon as it has started', () => {
    const sidecar = container({ name: 'proxy', restartPolicy: 'Always' });
    const withSidecar = pod({ initContainers: [sidecar] });

    const before = calculate(withSidecar, [status('proxy', running, { started: false })]);
    const after = calculate(withSidecar, [status('proxy', running), status('main', running)]);

    expect(conditionOf(before, 'Initialized')?.status).toBe('False');
    expect(conditionOf(after, 'Initialized')?.status).toBe('True');
    expect(after.phase).toBe('Running');
  });

  it('is ready when all containers are and all readiness gates are true', () => {
    const gated = pod({ readinessGates: [{ conditionType: 'example.com/lit' }] });
    const lit: Pod = { ...gated, status: { conditions: [{ type: 'example.com/lit', status: 'True' }] } };
    const statuses = [status('main', running, { ready: true })];

    expect(conditionOf(calculate(gated, statuses), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
    });
    expect(conditionOf(calculate(gated, statuses), 'ContainersReady')?.status).toBe('True');
    expect(conditionOf(calculate(lit, statuses), 'Ready')?.status).toBe('True');
  });

  it('keeps the time of a condition that has not changed', () => {
    const before = calculate(pod(), [status('main', running, { ready: true })]);
    const later = calculatePodStatus(
      { ...pod(), status: before },
      { containers: new Map(), podIP: undefined, startTime: now, now: '2026-01-01T00:02:00Z' },
    );

    expect(conditionOf(later, 'PodScheduled')?.lastTransitionTime).toBe(now);
    expect(conditionOf(later, 'Ready')?.lastTransitionTime).toBe('2026-01-01T00:02:00Z');
  });

  it('tells a failure of its own with reason and message', () => {
    const failure = { reason: 'DeadlineExceeded', message: 'too long' };

    expect(calculate(pod(), [status('main', ended(137))], failure)).toMatchObject({
      phase: 'Failed',
      ...failure,
    });
    expect(calculate(pod(), [status('main', running)], failure).phase).toBe('Running');
  });

  it.each([
    [{}, 'BestEffort'],
    [{ requests: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }, 'Burstable'],
  ])('has the QoS class of its resources: %j', (resources, expected) => {
    expect(qosClassOf(pod({ containers: [container({ resources })] }))).toBe(expected);
  });
});
