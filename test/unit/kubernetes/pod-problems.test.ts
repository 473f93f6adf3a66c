import { describe, expect, it } from '@jest/globals';
import { exitText, symptomOfCreation, symptomsOfPod } from '../../../src/kubernetes/pod-problems.ts';
import type { ContainerStatus, Pod } from '../../../src/kubernetes/workload-objects.ts';

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
    ['rpc error: manifest for shop/web:1 not found: manifest unknown', true],
    ['pull access denied for shop/web, repository does not exist or may require login', true],
    ['dial tcp: lookup harbor.example.com: i/o timeout', false],
  ])('reads an image that cannot be pulled (%s), and whether that is final', (message, isFinal) => {
    const [symptom] = symptomsOfPod(pod(waiting('ErrImagePull', message)));

    expect(symptom).toMatchObject({ kind: 'imagePull', isFinal });
    expect(symptom?.message).toContain('image shop/web:1 cannot be pulled for container web of pod web-1');
  });

  it('gives a registry time that was not reached once', () => {
    expect(symptomsOfPod(pod(waiting('ImagePullBackOff', 'Back-off pulling image')))).toMatchObject([
      { kind: 'imagePull', isFinal: false },
    ]);
  });

  it('takes a name that is no image name for final', () => {
    expect(symptomsOfPod(pod(waiting('InvalidImageName')))).toMatchObject([
      { kind: 'imagePull', isFinal: true },
    ]);
  });

  it('tells a crash loop with the exit code and its reason', () => {
    const status = {
      ...waiting('CrashLoopBackOff'),
      restartCount: 2,
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    };

    expect(symptomsOfPod(pod(status))).toMatchObject([
      {
        kind: 'crashLoop',
        restarts: 2,
        backsOff: true,
        message: 'container web of pod web-1 crashes: exit code 137 (OOMKilled), restarted 2 times',
        pod: { namespace: 'shop', name: 'web-1', container: 'web', restarted: true },
      },
    ]);
  });

  it('tells what the runtime said of a container that it could not start', () => {
    const message = 'exec: "serve": executable file not found in $PATH';
    const status = {
      ...waiting('CrashLoopBackOff'),
      restartCount: 2,
      lastState: { terminated: { exitCode: 128, reason: 'StartError', message } },
    };

    expect(symptomsOfPod(pod(status))[0]?.message).toBe(
      `container web of pod web-1 crashes: exit code 128 (StartError): ${message}, restarted 2 times`,
    );
  });

  it('finds a container that crashes again and again between two looks', () => {
    const status = { restartCount: 3, ready: false, lastState: { terminated: { exitCode: 1 } } };

    expect(symptomsOfPod(pod(status))).toMatchObject([{ kind: 'crashLoop', restarts: 3, backsOff: false }]);
    expect(symptomsOfPod(pod({ ...status, ready: true }))).toEqual([]);
  });

  it('tells a missing ConfigMap', () => {
    const [symptom] = symptomsOfPod(pod(waiting('CreateContainerConfigError', 'configmap "web" not found')));

    expect(symptom).toMatchObject({ kind: 'configuration' });
    expect(symptom?.message).toContain('configmap "web" not found');
  });

  it.each([
    ['failed to sync configmap cache: timed out waiting for the condition', true],
    ['failed to sync secret cache: timed out waiting for the condition', true],
    ['Get "https://10.0.0.1:6443/api/v1/namespaces/a/configmaps/web": dial tcp: connection refused', true],
    ['rpc error: code = DeadlineExceeded desc = context deadline exceeded', true],
    ['configmap "web" not found', undefined],
    ["couldn't find key version in ConfigMap shop/web", undefined],
  ])('knows that a kubelet which does not reach the API server tries again: %s', (message, isPassing) => {
    const [symptom] = symptomsOfPod(pod(waiting('CreateContainerConfigError', message)));

    expect(symptom?.kind).toBe('configuration');
    expect(symptom?.isPassing).toBe(isPassing);
  });

  it('does not read the output of a hook as the word of the kubelet', () => {
    const [symptom] = symptomsOfPod(pod(waiting('PostStartHookError', 'curl: connection refused')));

    expect(symptom?.isPassing).toBeUndefined();
  });

  it.each([
    ['StartError', 'configuration'],
    ['RunContainerError', 'configuration'],
    ['SignatureValidationFailed', 'imagePull'],
    ['ErrImageNeverPull', 'imagePull'],
  ])('reads %s as agents do: %s', (reason, kind) => {
    expect(symptomsOfPod(pod(waiting(reason)))).toMatchObject([{ kind }]);
  });

  it('takes a registry that was not reached for passing, though it says "not found" too', () => {
    const message = 'failed to resolve reference: 503 Service Unavailable, tag not found';

    expect(symptomsOfPod(pod(waiting('ErrImagePull', message)))).toMatchObject([{ isFinal: false }]);
  });

  it('reads that a pod fits no node', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient cpu' },
    ];

    expect(symptomsOfPod(pod({}, { conditions }))).toMatchObject([{ kind: 'unschedulable' }]);
  });

  it('knows a symptom again as long as it lasts', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient cpu' },
    ];
    const both = pod(waiting('ErrImagePull'), { conditions });

    expect(symptomsOfPod(both)).toMatchObject([
      {
        key: 'u1/web/imagePull',
        message: expect.stringMatching(/ of pod web-1 \(ErrImagePull\)$/) as unknown,
      },
      { key: 'u1/unschedulable', message: 'pod web-1 cannot be scheduled: Insufficient cpu' },
    ]);
    delete both.metadata['uid'];
    expect(symptomsOfPod(both).map(({ key }) => key)).toEqual(['web-1/web/imagePull', 'web-1/unschedulable']);
    expect(symptomOfCreation({ kind: 'ReplicaSet', metadata: { name: 'a', uid: 'u' } }, 'm').key).toBe(
      'u/creation',
    );
    expect(symptomOfCreation({ kind: 'ReplicaSet', metadata: { name: 'a' } }, 'm').key).toBe('a/creation');
  });

  it.each([
    [{ restartCount: 1, ...waiting('ErrImagePull') }, true],
    [{ restartCount: 0, ...waiting('ErrImagePull') }, false],
    [{ ...waiting('ErrImagePull') }, false],
    [{ restartCount: 2, state: { terminated: { exitCode: 1 } } }, false],
  ])('points at the log of the run before, where there was one: %j', (status, restarted) => {
    expect(symptomsOfPod(pod(status))[0]?.pod?.restarted).toBe(restarted);
  });

  it.each([
    [{ restartCount: 1 }, 'exit code 1, restarted once'],
    [
      { restartCount: 2, lastState: { terminated: { exitCode: 1, reason: 'Error' } } },
      'exit code 1, restarted 2 times',
    ],
    [
      {
        restartCount: 2,
        lastState: { terminated: { exitCode: 3, reason: 'Error', message: 'a word of its own' } },
      },
      'exit code 3, restarted 2 times',
    ],
    [
      { restartCount: 2, lastState: { terminated: { exitCode: 128, reason: 'StartError' } } },
      'exit code 128 (StartError), restarted 2 times',
    ],
  ])('tells a crash: %j', (status, text) => {
    const crash = { lastState: { terminated: { exitCode: 1 } }, ...status };

    expect(symptomsOfPod(pod(crash))[0]?.message).toBe(`container web of pod web-1 crashes: ${text}`);
  });

  it('tells a crash loop of which no exit is known', () => {
    expect(symptomsOfPod(pod({ ...waiting('CrashLoopBackOff'), restartCount: 2 }))[0]?.message).toBe(
      'container web of pod web-1 crashes: exit code unknown, restarted 2 times',
    );
  });

  it('takes a container for none that crashes which ended well, or was never started again', () => {
    expect(symptomsOfPod(pod({ restartCount: 2, lastState: { terminated: { exitCode: 0 } } }))).toEqual([]);
    expect(symptomsOfPod(pod({ restartCount: 2 }))).toEqual([]);
    expect(symptomsOfPod(pod({ restartCount: 0, state: { terminated: { exitCode: 1 } } }))).toEqual([]);
    expect(symptomsOfPod(pod({ state: { terminated: { exitCode: 1 } } }))).toEqual([]);
  });

  it('names the image of the container that waits', () => {
    const two = pod(waiting('ErrImagePull'));
    const message = () => symptomsOfPod(two)[0]?.message;

    two.spec['containers'] = [
      { name: 'log', image: 'log:1' },
      { name: 'web', image: 'web:2' },
    ];
    expect(message()).toContain('image web:2 cannot be pulled');
    two.spec['containers'] = [];
    expect(message()).toContain('image  cannot be pulled');
  });

  it.each([
    [{ exitCode: 0, reason: 'Completed' }, 'exit code 0'],
    [{ exitCode: 1, reason: 'Error' }, 'exit code 1'],
    [{ exitCode: 1 }, 'exit code 1'],
    [{ exitCode: 137, reason: 'OOMKilled' }, 'exit code 137 (OOMKilled)'],
    [undefined, 'exit code unknown'],
  ])('%j is told as %s', (terminated, text) => {
    expect(exitText(terminated)).toBe(text);
  });

  it('minds neither a pod that starts nor one that is on its way out', () => {
    const going = pod({ ...waiting('CrashLoopBackOff'), restartCount: 5 });
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';

    expect(symptomsOfPod(pod(waiting('ContainerCreating')))).toEqual([]);
    expect(symptomsOfPod(going)).toEqual([]);
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

    expect(symptomsOfPod(init)).toMatchObject([{ kind: 'crashLoop', pod: { container: 'migrate' } }]);
  });
});
