import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../../../src/kubernetes/workload-objects.ts';
import { jobLook } from '../../../../src/release/act/run-job.ts';
import { object } from '../../kubernetes/workload-snapshots.ts';

function look(conditions: object[], ...statuses: object[]) {
  return lookAfter(false, conditions, ...statuses);
}

function lookAfter(hasRun: boolean, conditions: object[], ...statuses: object[]) {
  const pods: Pod[] = statuses.map((status, index) =>
    object('Pod', { containers: [{ name: 'main' }] }, status, { name: `web-${String(index)}` }),
  );
  return jobLook(object('Job', {}, { conditions }), pods, hasRun);
}

const failedBy = (reason: string) => ({ type: 'Failed', status: 'True', reason, message: 'it is over' });
const waiting = (reason: string, message = '') => ({
  containerStatuses: [{ name: 'main', state: { waiting: { reason, message } } }],
});
const running = { phase: 'Running', containerStatuses: [{ name: 'main', state: { running: {} } }] };
const exited = {
  phase: 'Failed',
  containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 4, reason: 'Error' } } }],
};

describe('a Job', () => {
  it('runs until it says that it has ended', () => {
    expect(look([])).toEqual({ type: 'running', hasRun: false });
    expect(look([], running)).toEqual({ type: 'running', hasRun: true });
    // Its controller decides what a pod that failed means.
    expect(look([], exited)).toEqual({ type: 'running', hasRun: true });
    expect(look([], waiting('ContainerCreating'))).toEqual({ type: 'running', hasRun: false });
    expect(lookAfter(true, [])).toEqual({ type: 'running', hasRun: true });
    expect(look([{ type: 'Complete', status: 'True' }])).toEqual({ type: 'complete' });
  });

  it('has failed, and names the container whose log says why', () => {
    expect(look([failedBy('BackoffLimitExceeded')], exited)).toMatchObject({
      type: 'failed',
      reason: 'Job web failed: BackoffLimitExceeded it is over',
      symptom: { pod: { namespace: 'shop', name: 'web-0', container: 'main', restarted: false } },
    });
  });

  it.each([
    ['InvalidImageName', 'bad'],
    ['ErrImagePull', 'manifest unknown: not found'],
    ['ImagePullBackOff', 'Back-off pulling image'],
    ['CreateContainerConfigError', 'secret "x" not found'],
  ])('could not be run where its container cannot start: %s', (reason, message) => {
    const expected = `container main of pod web-0 cannot start (${reason}: ${message})`;
    expect(look([], waiting(reason, message))).toEqual({ type: 'error', reason: expected });
  });

  it.each([
    ['ErrImagePull', 'dial tcp: i/o timeout'],
    ['CreateContainerError', 'context deadline exceeded'],
  ])('still runs while what keeps it may pass: %s', (reason, message) => {
    expect(look([], waiting(reason, message))).toEqual({ type: 'running', hasRun: false });
  });

  it('that runs out of time has failed where it ran, and was not run where no container has started', () => {
    const late = failedBy('DeadlineExceeded');
    const error = {
      type: 'error',
      reason: 'Job web failed: DeadlineExceeded it is over; no container of it was seen running',
    };
    expect(look([late], running)).toMatchObject({ type: 'failed' });
    expect(lookAfter(true, [late])).toMatchObject({ type: 'failed' });
    // Its pods are gone then, or there was room for none.
    expect(look([late])).toEqual(error);
    expect(look([late], { phase: 'Pending' })).toEqual(error);
  });
});
