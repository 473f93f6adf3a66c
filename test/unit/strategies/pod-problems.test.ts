import { describe, expect, it } from '@jest/globals';
import { symptomsOfPod } from '../../../src/strategies/pod-problems.ts';
import type { ContainerStatus, Pod } from '../../../src/strategies/workload-objects.ts';

function pod(status: Partial<ContainerStatus>, more: object = {}): Pod {
  const made: object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', uid: 'u1' },
    spec: { containers: [{ name: 'web', image: 'shop/web:1' }] },
    status: { containerStatuses: [{ name: 'web', ...status }], ...more },
  };
  return made as Pod;
}

const waiting = (reason: string, message?: string) => ({
  state: { waiting: { reason, ...(message && { message }) } },
});

describe('symptomsOfPod', () => {
  it.each([
    ['rpc error: manifest for shop/web:1 not found: manifest unknown', 0],
    ['pull access denied for shop/web, repository does not exist or may require login', 0],
    ['dial tcp: lookup harbor.example.com: i/o timeout', 15_000],
  ])('tells an image that cannot be pulled (%s), and how long that may last', (message, graceMs) => {
    const [symptom] = symptomsOfPod(pod(waiting('ErrImagePull', message)), 1);

    expect(symptom).toMatchObject({ kind: 'imagePull', graceMs });
    expect(symptom?.message).toContain('image shop/web:1 cannot be pulled for container web of pod web-1');
  });

  it('gives a registry time that was not reached once', () => {
    expect(symptomsOfPod(pod(waiting('ImagePullBackOff', 'Back-off pulling image')), 1)).toMatchObject([
      { kind: 'imagePull', graceMs: 15_000 },
    ]);
  });

  it('takes a name that is no image name for final', () => {
    expect(symptomsOfPod(pod(waiting('InvalidImageName')), 1)).toMatchObject([
      { kind: 'imagePull', graceMs: 0 },
    ]);
  });

  it('tells a crash loop with the exit code and its reason', () => {
    const status = {
      ...waiting('CrashLoopBackOff'),
      restartCount: 2,
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    };

    expect(symptomsOfPod(pod(status), 1)).toMatchObject([
      {
        kind: 'crashLoop',
        graceMs: 0,
        message: 'container web of pod web-1 crashes: exit code 137 (OOMKilled), restarted 2 times',
        pod: { namespace: 'shop', name: 'web-1', container: 'web', restarted: true },
      },
    ]);
  });

  it('lets a container crash as often as it is allowed to', () => {
    const status = { ...waiting('CrashLoopBackOff'), restartCount: 2 };

    expect(symptomsOfPod(pod(status), 3)).toEqual([]);
    expect(symptomsOfPod(pod({ ...status, restartCount: 3 }), 3)).toHaveLength(1);
  });

  it('finds a container that crashes again and again between two looks', () => {
    const status = { restartCount: 3, ready: false, lastState: { terminated: { exitCode: 1 } } };

    expect(symptomsOfPod(pod(status), 1)).toMatchObject([{ kind: 'crashLoop' }]);
    expect(symptomsOfPod(pod({ ...status, ready: true }), 1)).toEqual([]);
  });

  it('tells a missing ConfigMap', () => {
    const [symptom] = symptomsOfPod(
      pod(waiting('CreateContainerConfigError', 'configmap "web" not found')),
      1,
    );

    expect(symptom).toMatchObject({ kind: 'configuration', graceMs: 10_000 });
    expect(symptom?.message).toContain('configmap "web" not found');
  });

  it('explains a pod that fits no node without counting it as failed', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient cpu' },
    ];

    expect(symptomsOfPod(pod({}, { conditions }), 1)).toMatchObject([
      { kind: 'unschedulable', graceMs: Number.POSITIVE_INFINITY },
    ]);
  });

  it('minds neither a pod that starts nor one that is on its way out', () => {
    const going = pod({ ...waiting('CrashLoopBackOff'), restartCount: 5 });
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';

    expect(symptomsOfPod(pod(waiting('ContainerCreating')), 1)).toEqual([]);
    expect(symptomsOfPod(going, 1)).toEqual([]);
  });

  it('looks at init containers too', () => {
    const init = pod(
      {},
      {
        containerStatuses: [],
        initContainerStatuses: [
          {
            name: 'migrate',
            restartCount: 2,
            ...waiting('CrashLoopBackOff'),
            lastState: { terminated: { exitCode: 1 } },
          },
        ],
      },
    );

    expect(symptomsOfPod(init, 1)).toMatchObject([{ kind: 'crashLoop', pod: { container: 'migrate' } }]);
  });
});
