import { describe, expect, it } from '@jest/globals';
import { heldProblem } from '../../../../src/strategies/held/problem.ts';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import type { ObservedWorkload, Problem } from '../../../../src/strategies/strategy.ts';
import { deploymentReference, held, holdingOf, oldPods } from '../blue-green/scene.ts';

const crash: Problem = {
  ...{ kind: 'crashLoop', message: 'it crashes', key: 'k', restarts: 5, backsOff: true, lastedMs: 0 },
};
const failing: ObservedWorkload = {
  ...{ reference: deploymentReference, complete: false, withoutReadinessProbe: false, paused: false },
  ...{ desired: 2, updated: 1, ready: 0, revision: 'web-b', problems: [crash], tracks: [], stuckPods: [] },
};
const problemOf = (deployment?: SeenDeployment, workloads: ObservedWorkload[] = []) =>
  heldProblem(
    { holding: holdingOf(deployment === undefined ? {} : { deployment }), workloads },
    { stable: 'a', candidate: 'b', isPaused: true, isMarkOff: false },
  );

describe('what keeps a release that holds its Deployment from going on', () => {
  it('is nothing while it is as it was left', () => {
    expect(problemOf(held)).toBeUndefined();
  });

  it('is a Deployment that is gone', () => {
    expect(problemOf()).toEqual({ message: 'Deployment web was deleted' });
  });

  it('is a failure of the new pods, before what others have changed', () => {
    expect(problemOf({ ...held, desired: 0 }, [failing])).toEqual({ message: 'it crashes', cause: crash });
  });

  it('is a new pod that is not well', () => {
    const restarted: Problem = { kind: 'restarted', message: 'it ended', key: 'k', lastedMs: 0 };
    const unwell = { ...failing, problems: [restarted] };
    expect(problemOf(held, [unwell])).toEqual({ message: 'it ended', cause: restarted });
  });

  it('is a scaling to none, and no other', () => {
    expect(problemOf({ ...held, desired: 0 })).toEqual({ message: 'somebody scaled Deployment web to 0' });
    expect(problemOf({ ...held, desired: 1 })).toBeUndefined();
  });

  it('is a change by others that the controller has seen', () => {
    const changed = { ...held, live: oldPods };

    expect(problemOf(changed)).toEqual({
      message: 'somebody changed the pod template of Deployment web during the release',
    });
    expect(problemOf({ ...changed, isObserved: false })).toBeUndefined();
  });
});
