import type { CallOptions } from '../../ports/cluster.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { Problem } from '../../strategies/strategy.ts';

/** Lines and characters of a failed container's log that are reported. */
const lines = 5;
const characters = 1000;

/**
 * The last log lines of the container that a problem is about, as one text; undefined when there are none or
 * they cannot be read. A log that cannot be read must not hide what it is about, so nothing is thrown but an abort.
 */
export async function readLogTail(
  problem: Problem,
  { pods }: { pods?: Pick<PodAccess, 'logs'> },
  options: CallOptions,
): Promise<string | undefined> {
  const { pod } = problem;
  if (
    pod === undefined ||
    pods === undefined ||
    problem.kind === 'imagePull' ||
    problem.kind === 'configuration'
  ) {
    return undefined;
  }
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(10_000)]);
  for (const previous of pod.restarted ? [true, false] : [false]) {
    const container = { namespace: pod.namespace, pod: pod.name, container: pod.container };
    try {
      const stream = await pods.logs(container, { signal, tailLines: lines, previous });
      let text = '';
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        text = (text + decoder.decode(chunk as Uint8Array, { stream: true })).slice(-characters);
      }
      if (text.trim() !== '') return `its last log lines: ${text.trim().replaceAll(/\s*\n\s*/g, ' | ')}`;
    } catch {
      // The pod is gone, its log was rotated, or we may not read logs: the problem is reported without it.
      options.signal.throwIfAborted();
    }
  }
  return undefined;
}
