import { describe, expect, it } from '@jest/globals';
import { lossBehind, type PodWitness } from '../../../../../src/adapters/kubernetes/agent/pod-loss.ts';
import { repeatWhereLost } from '../../../../../src/adapters/kubernetes/agent/repeat.ts';
import { systemClock } from '../../../../../src/adapters/system/clock.ts';
import { TransferError } from '../../../../../src/adapters/kubernetes/agent/transfer-error.ts';
import { AgentError } from '../../../../../src/ports/agent.ts';
import { NotFoundError, UnreachableError } from '../../../../../src/ports/cluster-errors.ts';

const notFound = new NotFoundError('cannot exec: pods "x" not found', { status: 404, reason: 'NotFound' });
const signal = new AbortController().signal;

/** A pod, of which the API says when asked that it is there, gone, or nothing. */
function pod(state: 'there' | 'gone' | 'unreachable'): PodWitness & { gone: AgentError } {
  const failing = new AbortController();
  const gone = new AgentError('evicted', 'the pod was evicted');
  return {
    gone,
    failure: failing.signal,
    confirm: async () => {
      if (state === 'unreachable') throw new UnreachableError('no answer');
      if (state === 'gone') failing.abort(gone);
    },
  };
}

describe('a call to an agent pod that failed', () => {
  it.each([
    ['not found', notFound],
    ['a connection that ended', new UnreachableError('the connection ended')],
    ['a tar that was killed', new TransferError('tar ended with 137')],
  ])('with %s is the loss of the pod when the API no longer has it', async (_, error) => {
    const monitor = pod('gone');

    await expect(lossBehind(error, monitor, signal)).resolves.toBe(monitor.gone);
  });

  it('with not found is the loss of the pod though the API still has it', async () => {
    await expect(lossBehind(notFound, pod('there'), signal)).resolves.toMatchObject({
      name: 'AgentError',
      problem: 'deleted',
      cause: notFound,
    });
  });

  it.each(['there', 'unreachable'] as const)(
    'otherwise keeps its error while the pod is %s',
    async (state) => {
      const error = new UnreachableError('the connection ended');

      await expect(lossBehind(error, pod(state), signal)).resolves.toBe(error);
    },
  );

  it('with the reader’s own error keeps it, and asks nothing', async () => {
    const error = new Error('the source failed');

    await expect(lossBehind(error, pod('gone'), signal)).resolves.toBe(error);
  });

  it('is the loss of the pod for queries too', async () => {
    const monitor = pod('gone');

    const parts = { monitor, settings: { retryBudgetMs: 1000 }, clock: systemClock };

    await expect(repeatWhereLost(parts, signal, () => Promise.reject(notFound))).rejects.toBe(monitor.gone);
  });

  it('throws the reason of an abort', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));

    await expect(lossBehind(notFound, pod('there'), aborted)).rejects.toThrow('enough');
  });
});
