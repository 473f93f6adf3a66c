import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createBackOff, goSeconds } from '../../../../src/sandbox/kubelet/back-off.ts';
import { replacePaths } from '../../../../src/sandbox/kubelet/host-runtime.ts';
import { createThresholds, runProbe } from '../../../../src/sandbox/kubelet/probe-loop.ts';
import { quantityToNumber } from '../../../../src/sandbox/kubelet/quantity.ts';
import { whyUnschedulable } from '../../../../src/sandbox/kubelet/scheduler.ts';
import { container, pod } from './pods.ts';

describe('the back-off of restarts', () => {
  it('is nothing, 10 s, 20 s ... at most 5 min, and starts anew after ten good minutes', () => {
    const backOff = createBackOff();

    const delays = Array.from({ length: 8 }, () => backOff.next(1000) / 1000);

    expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
    expect(backOff.next(600_000)).toBe(0);
  });

  it('writes durations as Go does', () => {
    expect([10_000, 80_000, 300_000].map(goSeconds)).toEqual(['10s', '1m20s', '5m0s']);
  });
});

describe('the thresholds of a probe', () => {
  it('give a verdict only after so many answers in a row', () => {
    const thresholds = createThresholds({ successThreshold: 2, failureThreshold: 3 });

    const verdicts = [true, true, false, false, true, false, false, false].map(thresholds);

    expect(verdicts).toEqual([undefined, true, undefined, undefined, undefined, undefined, undefined, false]);
  });

  it('never fail before failureThreshold bad answers in a row', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 5 }), (answers, failureThreshold) => {
        const thresholds = createThresholds({ failureThreshold });
        let bad = 0;
        for (const answer of answers) {
          bad = answer ? 0 : bad + 1;
          expect(thresholds(answer) === false).toBe(bad >= failureThreshold);
        }
      }),
    );
  });

  it('do not count bad answers while an eager probe waits for its first good one', async () => {
    const stop = new AbortController();
    const told: string[] = [];
    let asked = 0;
    const ask = () => {
      asked += 1;
      return Promise.resolve(
        asked > 3 ? { healthy: true as const } : { healthy: false as const, message: 'no' },
      );
    };

    await runProbe(
      { periodSeconds: 60 },
      ask,
      {
        onResult: (healthy) => void told.push(`result ${healthy}`),
        onFailure: (message) => void told.push(message),
      },
      { signal: stop.signal, eager: true, once: true },
    );

    expect(told).toEqual(['result true']);
  });
});

describe('paths of mounts on a machine without namespaces', () => {
  const paths = new Map([
    ['/workspace', '/state/w'],
    ['/workspace/cache', '/state/c'],
    ['/slipway', '/state/s'],
  ]);

  it.each([
    ['cd /workspace && ls', 'cd /state/w && ls'],
    ['/workspace/cache/x:/workspace/y', '/state/c/x:/state/w/y'],
    ['X=/slipway/run.sh;"/workspace"', 'X=/state/s/run.sh;"/state/w"'],
    [
      '/workspaces /my/workspace a/workspace $HOME/workspace',
      '/workspaces /my/workspace a/workspace $HOME/workspace',
    ],
    ['/workspace-2 /workspace.old', '/workspace-2 /workspace.old'],
  ])('%s becomes %s', (text, expected) => {
    expect(replacePaths(text, paths)).toBe(expected);
  });
});

describe('quantities', () => {
  it.each([
    ['500m', 0.5],
    ['1Ki', 1024],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2', 2],
    ['1e3', 1000],
    ['five', undefined],
  ])('%s is %s', (text, expected) => {
    expect(quantityToNumber(text)).toBe(expected);
  });
});

describe('the scheduler', () => {
  const node = {
    labels: { 'kubernetes.io/os': 'linux', disk: 'ssd' },
    capacity: { cpu: 2, memory: 2 ** 30 },
    unschedulable: false,
  };
  const asking = (requests: Record<string, string>) =>
    pod({ containers: [container({ resources: { requests } })] });
  const required = (key: string, operator: string, values: string[] = []) =>
    pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
          },
        },
      },
    });

  it.each([
    [pod(), undefined],
    [asking({ cpu: '2' }), undefined],
    [asking({ cpu: '2100m' }), '0/1 nodes are available: 1 Insufficient cpu.'],
    [asking({ 'nvidia.com/gpu': '1' }), '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.'],
    [pod({ nodeSelector: { disk: 'ssd' } }), undefined],
    [
      pod({ nodeSelector: { disk: 'hdd' } }),
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    ],
    [required('disk', 'In', ['ssd']), undefined],
    [
      required('disk', 'NotIn', ['ssd']),
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    ],
    [required('none', 'DoesNotExist'), undefined],
  ])('says why a pod does not fit, or nothing (%#)', (candidate, expected) => {
    expect(whyUnschedulable(candidate, node)).toBe(expected);
  });
});
