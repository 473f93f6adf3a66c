import { describe, expect, it } from '@jest/globals';
import { answerAnnotation, type Answer } from '../../../src/kubernetes/hold-mark.ts';
import { ConflictError, RejectedError } from '../../../src/ports/cluster-errors.ts';
import { answerRelease, takesAnswer } from '../../../src/release/answer.ts';
import type { CurrentRelease } from '../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../src/release/record/release-store.ts';
import { FakeCluster } from '../../fakes/cluster.ts';
import { entry, inProgress } from './record/records.ts';

const { signal } = new AbortController();
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const hold = { stable: 'old', before: {} };
const waiting = { phase: 'waiting', step: 2, hold };

/** A release of revision 2 in this state, which holds its Deployment. */
async function held(state: CurrentRelease['state'] | undefined, given?: string, strategy = 'canary') {
  const cluster = new FakeCluster();
  const store = new ReleaseStore(cluster, 'web', 'shop');
  const made = await store.loadOrCreate({ signal });
  const history = [entry(1), entry(2, { strategy, objects: [service, deployment] })];
  const current = state === undefined ? {} : { current: { ...inProgress(2, 1), state } };
  await store.save(made, { ...made.record, history, ...current }, { signal });
  const metadata = { name: 'web', namespace: 'shop' };
  const annotations = { team: 'shop', ...(given === undefined ? {} : { [answerAnnotation]: given }) };
  cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, annotations },
    spec: {},
  });
  cluster.calls.length = 0;
  const request = (answer: Answer['answer']) => ({ cluster, application: 'web', namespace: 'shop', answer });
  return {
    cluster,
    answer: (answer: Answer['answer']) => answerRelease(request(answer), { signal }),
    takes: (answer: Answer['answer']) => takesAnswer(request(answer), { signal }),
    annotations: () => cluster.peek(deployment)?.metadata.annotations,
    patches: () => cluster.calls.filter((call) => call.startsWith('patch')).length,
  };
}

describe('an answer to a release that waits', () => {
  it('is written on its Deployment: a promotion of the step that waits', async () => {
    const { answer, annotations } = await held(waiting);

    expect(await answer('promote')).toBe(2);
    expect(annotations()).toEqual({ team: 'shop', [answerAnnotation]: '2 promote 3' });
  });

  it('is written on its Deployment: a promotion of the whole, where there are no steps', async () => {
    const state = { phase: 'waiting', hold: { ...hold, selector: {} } };
    const { answer, annotations } = await held(state, undefined, 'blueGreen');

    expect(await answer('promote')).toBe(2);
    expect(annotations()?.[answerAnnotation]).toBe('2 promote');
  });

  it('is written on its Deployment: an abort of the release as a whole', async () => {
    const { answer, annotations } = await held(waiting);

    expect(await answer('abort')).toBe(2);
    expect(annotations()?.[answerAnnotation]).toBe('2 abort');
  });

  it('is written once', async () => {
    const { answer, patches } = await held(waiting, '2 promote 3');

    expect(await answer('promote')).toBe(2);
    expect(patches()).toBe(0);
  });

  it.each([
    ['a promotion', '2 promote 3', 'abort', '2 abort'],
    ['a promotion of the step before', '2 promote 2', 'promote', '2 promote 3'],
    ['an abort of an earlier revision', '1 abort', 'promote', '2 promote 3'],
  ] as const)('takes the place of %s', async (_, before, given, after) => {
    const { answer, annotations } = await held(waiting, before);

    await answer(given);

    expect(annotations()?.[answerAnnotation]).toBe(after);
  });

  it('does not take an abort back', async () => {
    const { answer, annotations } = await held(waiting, '2 abort');

    await expect(answer('promote')).rejects.toThrow('revision 2 of web is being aborted');

    expect(annotations()?.[answerAnnotation]).toBe('2 abort');
  });

  it('is written again where the Deployment is changed in the same moment, ten times in all', async () => {
    const { cluster, answer, annotations, patches } = await held(waiting);
    let conflicts = 9;
    cluster.before = (verb) => {
      if (verb === 'patch' && conflicts-- > 0) throw new ConflictError('the object has been modified');
    };
    expect(await answer('promote')).toBe(2);
    expect(annotations()?.[answerAnnotation]).toBe('2 promote 3');
    expect(patches()).toBe(10);

    conflicts = Infinity;

    await expect(answer('abort')).rejects.toThrow('the object has been modified');
    expect(patches()).toBe(20);
  });

  it('is guarded by the Deployment as it was seen: an abort of that moment wins', async () => {
    const { cluster, answer, annotations } = await held(waiting);
    cluster.before = (verb) => {
      if (verb !== 'patch') return;
      cluster.before = () => undefined;
      const live = cluster.peek(deployment)!;
      const aborted = { ...live.metadata.annotations, [answerAnnotation]: '2 abort' };
      cluster.put({ ...live, metadata: { ...live.metadata, annotations: aborted } });
    };

    await expect(answer('promote')).rejects.toThrow('is being aborted');

    expect(annotations()?.[answerAnnotation]).toBe('2 abort');
  });

  it('fails at once where it may not be written', async () => {
    const { cluster, answer, patches } = await held(waiting);
    cluster.before = (verb) => {
      if (verb === 'patch') throw new RejectedError('not allowed', { status: 403 });
    };

    await expect(answer('promote')).rejects.toThrow('not allowed');
    expect(patches()).toBe(1);
  });

  it('fails where the Deployment is gone', async () => {
    const { cluster, answer } = await held(waiting);
    cluster.drop(deployment);

    await expect(answer('promote')).rejects.toThrow('Deployment web of web is not there');
  });
});

describe('a release that takes no answer', () => {
  const hint = 'pipeline release status web --namespace shop shows where it stands';

  it.each([
    ['has ended', undefined, 'none is in progress'],
    ['does not wait', { phase: 'shifting', step: 2, hold }, 'it is in phase shifting'],
  ])('says so where it %s', async (_, state, where) => {
    const { answer, takes, patches } = await held(state);

    await expect(answer('promote')).rejects.toMatchObject({
      message: `no release of web waits for an answer: ${where}`,
      hint,
      fault: 'input',
    });
    expect(await takes('promote')).toBe(false);
    expect(patches()).toBe(0);
  });

  it('is one that there never was', async () => {
    const request = {
      cluster: new FakeCluster(),
      application: 'web',
      namespace: 'shop',
      answer: 'abort',
    } as const;

    await expect(answerRelease(request, { signal })).rejects.toThrow('none is in progress');
    expect(await takesAnswer(request, { signal })).toBe(false);
  });

  it('is one whose strategy asks nothing', async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const made = await store.loadOrCreate({ signal });
    const history = [entry(1), entry(2, { objects: [deployment] })];
    await store.save(made, { ...made.record, history, current: inProgress(2, 1) }, { signal });

    const request = { cluster, application: 'web', namespace: 'shop', answer: 'abort' } as const;

    await expect(answerRelease(request, { signal })).rejects.toThrow('it is in phase applying');
  });
});

describe('a release that takes an answer', () => {
  it.each([
    ['waiting', 'promote', true],
    ['waiting', 'abort', true],
    ['shifting', 'promote', false],
    ['shifting', 'abort', true],
    ['undoing', 'abort', false],
  ] as const)('in phase %s takes %s: %p', async (phase, answer, expected) => {
    expect(await (await held({ ...waiting, phase })).takes(answer)).toBe(expected);
  });
});
