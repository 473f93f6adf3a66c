import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import type { CanaryState } from '../../../../src/strategies/canary/state.ts';
import { at, facts, hold } from './scene.ts';

type Phase = CanaryState['phase'];

describe('a canary release', () => {
  it('begins with a comparison', () => {
    expect(canary.begin({})).toEqual({ phase: 'comparing' });
  });

  it.each<[Phase, object]>([
    ['comparing', { holding: 'compared' }],
    ['starting', { workloadsOf: 2, holding: 'seen' }],
    ['shifting', { workloadsOf: 2, holding: 'seen' }],
    ['stepping', { workloadsOf: 2, holding: 'seen' }],
    ['waiting', { workloadsOf: 2, holding: 'seen' }],
    ['completing', { workloadsOf: 2, holding: 'seen' }],
    ['undoing', { holding: 'seen' }],
    ['progressing', { workloadsOf: 2 }],
    ['restoring', { workloadsOf: 1 }],
  ])('watches in phase %s: %j', (phase, observes) => {
    expect(canary.observes({ phase }, facts)).toEqual(observes);
  });

  it.each<[Phase, object | undefined]>([
    ['comparing', { phase: 'undoing', step: 2, hold }],
    ['waiting', { phase: 'undoing', step: 2, hold }],
    ['undoing', undefined],
    ['progressing', { phase: 'rollingBack' }],
    ['restoring', undefined],
  ])('is rolled back from phase %s to %j', (phase, state) => {
    expect(canary.rollBack(at(phase, 2), 'it crashes')).toEqual(state);
  });

  it.each<[Phase, string[]]>([
    ['starting', ['promoteFull', 'abort', 'pause', 'detach']],
    ['shifting', ['promoteFull', 'abort', 'pause', 'detach']],
    ['stepping', ['promoteFull', 'abort', 'pause', 'detach']],
    ['waiting', ['promote', 'promoteFull', 'abort', 'pause', 'detach']],
    ['completing', ['abort']],
    ['undoing', []],
  ])('takes in phase %s the answers %j', (phase, answers) => {
    expect(canary.answers?.(at(phase))).toEqual(answers);
  });

  it('takes no answer while it holds nothing', () => {
    expect(canary.answers?.({ phase: 'waiting' })).toEqual([]);
  });

  it('says which step waits for a person, counted from 1', () => {
    expect(canary.waitingStep?.(at('waiting', 3))).toBe(4);
    expect(canary.waitingStep?.({ phase: 'waiting', hold })).toBe(1);
    expect(canary.waitingStep?.(at('stepping', 3))).toBeUndefined();
  });

  it('goes on without its runner only where rolling does', () => {
    expect(canary.finishesAlone({ phase: 'restoring' })).toBe(true);
    expect(canary.finishesAlone({ phase: 'progressing' })).toBe(false);
    expect(canary.finishesAlone(at('completing'))).toBe(false);
  });

  it('prepares the Deployment for a rolling update, which a first release is', () => {
    const spec = { template: { spec: { containers: [] } } };
    const deployment = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec },
    } as KubernetesObject;

    expect(canary.prepare([deployment], {})).toMatchObject([{ spec: { strategy: { rollingUpdate: {} } } }]);
  });
});

describe('what a canary release is going to do', () => {
  it('is to apply the objects when it is the first one', () => {
    expect(canary.steps({ rollback: 'auto' }, {})).toEqual([
      expect.stringMatching(/^apply the objects .* this is the first release/),
      expect.stringMatching(/^watch the pods .* on failure stop$/),
    ]);
  });

  it('is each of its steps, with what goes for a share that comes', () => {
    const steps = [{ weight: 20 }, { pause: '5m' }, { replicas: 3 }, { pause: true as const }];

    expect(canary.steps({ stable: 4, rollback: 'auto' }, { steps })).toEqual([
      expect.stringMatching(/^if no pod changes: apply the objects/),
      expect.stringMatching(/^apply the objects with the Deployment held/),
      'weight 20 %: as many old pods go as new ones are ready',
      'pause 5m',
      'replicas 3: as many old pods go as new ones are ready',
      'pause until promote',
      'replace the rest of the pods',
      expect.stringMatching(/^on failure/),
      expect.stringMatching(/^remove what the new revision no longer has/),
    ]);
  });

  it.each([
    ['auto', /^on failure bring the old pods back, .* apply revision 4$/],
    ['never', /^on failure stop and leave everything as it is \(rollback: never\)$/],
  ] as const)('says what "rollback: %s" means for a failure', (rollback, failure) => {
    expect(canary.steps({ stable: 4, rollback }, {})).toContainEqual(expect.stringMatching(failure));
  });
});
