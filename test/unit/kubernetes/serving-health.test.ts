import { describe, expect, it } from '@jest/globals';
import { servingSymptoms } from '../../../src/kubernetes/serving-health.ts';
import type { ContainerStatus } from '../../../src/kubernetes/workload-objects.ts';
import { object } from './workload-snapshots.ts';

const running = { running: {} };
const ended = (exitCode: number, reason = 'Error') => ({ terminated: { exitCode, reason } });

function symptoms(status: Partial<ContainerStatus>, before?: number, metadata: object = {}) {
  const pod = object('Pod', {}, { containerStatuses: [{ name: 'web', ...status }] }, metadata);
  const seen = new Map(before === undefined ? [] : [['uid-Pod/web', before]]);
  return servingSymptoms(pod, seen).map(({ kind, message }) => `${kind}: ${message}`);
}

describe('the health of a container since it was ready', () => {
  it('is good while it is ready and was not restarted', () => {
    expect(symptoms({ ready: true, restartCount: 0, state: running }, 0)).toEqual([]);
    expect(symptoms({ ready: true, restartCount: 2, state: running, lastState: ended(1) }, 2)).toEqual([]);
  });

  it('is not looked at before it was ready', () => {
    expect(symptoms({ ready: false, state: running })).toEqual([]);
    expect(symptoms({ ready: false, restartCount: 1, state: running, lastState: ended(1) })).toEqual([]);
  });

  it('is bad when it was restarted, though it is ready again and whatever it ended with', () => {
    for (const exitCode of [0, 137])
      expect(
        symptoms({ ready: true, restartCount: 1, state: running, lastState: ended(exitCode) }, 0),
      ).toEqual([
        `restarted: container web of pod web ended after it had been ready: exit code ${String(exitCode)}`,
      ]);
    expect(symptoms({ ready: false, restartCount: 0, state: ended(3) }, 0)).toEqual([
      'restarted: container web of pod web ended after it had been ready: exit code 3',
    ]);
  });

  it('is bad when it was killed for its memory, at its start, too', () => {
    const message =
      'restarted: container web of pod web was killed for its memory: exit code 137 (OOMKilled)';
    const killed = ended(137, 'OOMKilled');
    expect(symptoms({ ready: true, restartCount: 1, state: running, lastState: killed })).toEqual([message]);
    expect(symptoms({ ready: false, restartCount: 0, state: killed })).toEqual([message]);
  });

  it('is bad when it is not ready any more', () => {
    expect(symptoms({ ready: false, restartCount: 0, state: running }, 0)).toEqual([
      'unready: container web of pod web is not ready any more',
    ]);
  });

  it('is of no interest in a pod that is on its way out', () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(symptoms({ ready: false, restartCount: 0, state: ended(137, 'OOMKilled') }, 0, going)).toEqual([]);
  });
});
