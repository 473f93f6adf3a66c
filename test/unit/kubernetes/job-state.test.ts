import { describe, expect, it } from '@jest/globals';
import { endOf } from '../../../src/kubernetes/job-state.ts';
import type { Pod } from '../../../src/kubernetes/workload-objects.ts';
import { broken, look, object } from './workload-snapshots.ts';

const condition = (type: string, status = 'True') => ({
  conditions: [
    { type: 'Suspended', status: 'True' },
    { type, status, reason: 'BackoffLimitExceeded', message: 'too often' },
  ],
});
const ended = (exitCode: number, name = 'main') => ({ name, state: { terminated: { exitCode } } });
const pod = (name: string, status: object): Pod => object('Pod', { containers: [] }, status, { name });

describe('the end of a Job or a Pod', () => {
  it.each([
    ['Job', condition('Complete'), 'complete'],
    ['Job', condition('Failed'), 'failed'],
    ['Job', condition('Complete', 'False'), undefined],
    ['Job', condition('Failed', 'False'), undefined],
    ['Job', { conditions: [{ type: 'Suspended', status: 'True' }] }, undefined],
    ['Job', { phase: 'Succeeded' }, undefined],
    ['Job', {}, undefined],
    ['Pod', { phase: 'Succeeded' }, 'complete'],
    ['Pod', { phase: 'Failed' }, 'failed'],
    ['Pod', { phase: 'Running' }, undefined],
    ['Pod', condition('Complete'), undefined],
  ])('of a %s with %j is %s', (kind, status, end) => {
    expect(endOf(object(kind, {}, status))).toBe(end);
  });

  it('is open as long as there is no status', () => {
    const { status: _status, ...job } = object('Job', {}, {});

    expect(endOf(job)).toBeUndefined();
    expect(look(job)).toMatchObject({ complete: false, updated: 0, ready: 0, desired: 1, symptoms: [] });
  });
});

describe('the state of a Job', () => {
  it('counts its pods', () => {
    expect(look(object('Job', { completions: 5 }, { active: 2, succeeded: 1 }))).toMatchObject({
      complete: false,
      desired: 5,
      updated: 3,
      ready: 1,
      revision: 'web',
      symptoms: [],
    });
    expect(look(object('Job', {}, condition('Complete', 'False'))).complete).toBe(false);
    expect(look(object('Job', {}, condition('Failed', 'False'))).symptoms).toEqual([]);
  });

  it('says whether it goes some time after its end', () => {
    expect(look(object('Job', { ttlSecondsAfterFinished: 0 }, {})).goesAfterEnd).toBe(true);
    expect(look(object('Job', {}, {}))).not.toHaveProperty('goesAfterEnd');
  });

  it('has the trouble of its pods, but for crashes: it has a limit of its own for these', () => {
    const crashing = {
      containerStatuses: [
        { name: 'main', restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } },
      ],
    };
    const { symptoms } = look(object('Job', {}, {}), { pods: [pod('a', crashing), pod('b', broken)] });

    expect(symptoms).toMatchObject([{ kind: 'imagePull', pod: { name: 'b' } }]);
  });

  it('that has failed points at the container of the pod that failed last', () => {
    const pods = [
      pod('a', { phase: 'Failed', containerStatuses: [ended(1)] }),
      pod('b', { phase: 'Failed', containerStatuses: [ended(0, 'sidecar'), { name: 'runs' }, ended(2)] }),
      pod('c', { phase: 'Succeeded', containerStatuses: [ended(3)] }),
      pod('d', {}),
    ];
    const { symptoms } = look(object('Job', {}, condition('Failed')), { pods });

    expect(symptoms).toEqual([
      {
        kind: 'failed',
        message: 'Job web failed: BackoffLimitExceeded too often',
        key: 'uid-Job/failed',
        pod: { namespace: 'shop', name: 'b', container: 'main', restarted: false },
      },
    ]);
  });

  it.each([
    ['no pod has failed', [pod('a', { phase: 'Running', containerStatuses: [ended(1)] })]],
    ['no container has failed', [pod('a', { phase: 'Failed', containerStatuses: [ended(0)] })]],
    ['there is no pod', []],
  ])('that has failed points at no container where %s', (_when, pods) => {
    const { symptoms } = look(object('Job', {}, condition('Failed')), { pods });

    expect(symptoms).toMatchObject([{ kind: 'failed' }]);
    expect(symptoms[0]).not.toHaveProperty('pod');
  });

  it('that was seen complete and is gone is complete', () => {
    expect(look(undefined, { kind: 'Job', wasComplete: true })).toMatchObject({
      complete: true,
      updated: 1,
      ready: 1,
      revision: 'web',
      symptoms: [],
    });
  });

  it('that is gone too early says why that may be', () => {
    expect(look(undefined, { kind: 'Job' }).symptoms).toEqual([
      {
        kind: 'missing',
        message: 'Job web does not exist: it was deleted, or removed after its end (ttlSecondsAfterFinished)',
        key: 'web/missing',
      },
    ]);
  });

  it('is read though no controller has observed its generation', () => {
    expect(look(object('Job', {}, { ...condition('Complete'), observedGeneration: 0 })).complete).toBe(true);
    expect(look(object('Pod', {}, { phase: 'Succeeded', observedGeneration: 0 })).complete).toBe(true);
  });
});

describe('the state of a bare pod', () => {
  it('counts as one', () => {
    const running = object('Pod', {}, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });

    expect(look(running)).toMatchObject({
      complete: true,
      updated: 1,
      ready: 1,
      revision: 'web',
      symptoms: [],
    });
    expect(look(object('Pod', {}, { phase: 'Succeeded' }))).toMatchObject({ complete: true, ready: 0 });
    expect(
      look(
        object(
          'Pod',
          {},
          {
            phase: 'Running',
            conditions: [
              { type: 'Initialized', status: 'True' },
              { type: 'Ready', status: 'False' },
            ],
          },
        ),
      ).complete,
    ).toBe(false);
  });

  it('that has failed points at its container', () => {
    const failed = object('Pod', {}, { phase: 'Failed', containerStatuses: [{ name: 'a' }, ended(4)] });

    expect(look(failed).symptoms).toMatchObject([
      { kind: 'failed', pod: { name: 'web', container: 'main', restarted: false } },
    ]);
  });
});
