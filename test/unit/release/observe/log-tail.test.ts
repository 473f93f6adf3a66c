import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { defined } from '../../../../src/base/defined.ts';
import type { SymptomKind } from '../../../../src/kubernetes/symptom.ts';
import type { PodAccess } from '../../../../src/ports/pod-access.ts';
import { readLogTail } from '../../../../src/release/observe/log-tail.ts';

const { signal } = new AbortController();
const crashing = { namespace: 'shop', name: 'web-1', container: 'main', restarted: false };

interface Asked {
  container: Parameters<PodAccess['logs']>[0];
  previous: boolean | undefined;
  tailLines: number | undefined;
}

/** Logs of a container: of the one before its restart, and of the one that runs; an error where it cannot be read. */
function podsWith(logs: { previous?: string | Error; current?: string | Error | Buffer[] }) {
  const asked: Asked[] = [];
  const pods: Pick<PodAccess, 'logs'> = {
    async logs(container, { previous, tailLines }) {
      asked.push({ container, previous, tailLines });
      const log = (previous === true ? logs.previous : logs.current) ?? '';
      if (log instanceof Error) throw log;
      return Readable.from(typeof log === 'string' ? [Buffer.from(log)] : log);
    },
  };
  return { pods, asked };
}

const problemOf = (kind: SymptomKind, pod?: typeof crashing) => ({
  ...{ kind, message: 'it fails', key: 'web-1', lastedMs: 0 },
  ...defined({ pod }),
});

describe('readLogTail', () => {
  it('gives the last lines of the container as one line', async () => {
    const { pods, asked } = podsWith({ current: 'starting\n  cannot read config\n\nbye\n' });

    const tail = await readLogTail(problemOf('crashLoop', crashing), { pods }, { signal });

    expect(tail).toBe('its last log lines: starting | cannot read config | bye');
    const container = { namespace: 'shop', pod: 'web-1', container: 'main' };
    expect(asked).toEqual([{ container, previous: false, tailLines: 5 }]);
  });

  it('prefers the log of the container that crashed to that of its restart', async () => {
    const { pods, asked } = podsWith({ previous: 'out of memory', current: 'starting' });

    const tail = await readLogTail(
      problemOf('crashLoop', { ...crashing, restarted: true }),
      { pods },
      { signal },
    );

    expect(tail).toBe('its last log lines: out of memory');
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['is empty', ' \n'],
    ['cannot be read', new Error('previous terminated container not found')],
  ])('takes the log of the restart where that of the crash %s', async (_, previous) => {
    const { pods, asked } = podsWith({ previous, current: 'starting' });

    const tail = await readLogTail(
      problemOf('crashLoop', { ...crashing, restarted: true }),
      { pods },
      { signal },
    );

    expect(tail).toBe('its last log lines: starting');
    expect(asked.map(({ previous: before }) => before)).toEqual([true, false]);
  });

  it('keeps the last thousand characters, also of a log that comes in pieces', async () => {
    const pieces = ['a'.repeat(900), 'b'.repeat(900)].map((text) => Buffer.from(text));
    const { pods } = podsWith({ current: pieces });

    const tail = await readLogTail(problemOf('crashLoop', crashing), { pods }, { signal });

    expect(tail).toBe(`its last log lines: ${'a'.repeat(100)}${'b'.repeat(900)}`);
  });

  it('keeps a character whole whose bytes come in two pieces', async () => {
    const bytes = Buffer.from('schließt');
    const { pods } = podsWith({ current: [bytes.subarray(0, 7), bytes.subarray(7)] });

    const tail = await readLogTail(problemOf('crashLoop', crashing), { pods }, { signal });

    expect(tail).toBe('its last log lines: schließt');
  });

  it('is none where the container has said nothing, or its log cannot be read', async () => {
    const problem = problemOf('crashLoop', crashing);

    expect(await readLogTail(problem, podsWith({ current: '' }), { signal })).toBeUndefined();
    expect(
      await readLogTail(problem, podsWith({ current: new Error('forbidden') }), { signal }),
    ).toBeUndefined();
  });

  it.each<[string, SymptomKind, typeof crashing | undefined]>([
    ['an image that cannot be pulled', 'imagePull', crashing],
    ['a configuration that is missing', 'configuration', crashing],
    ['no container', 'unschedulable', undefined],
  ])('asks for no log where the problem is %s: none has run', async (_, kind, pod) => {
    const { pods, asked } = podsWith({ current: 'of another time' });

    expect(await readLogTail(problemOf(kind, pod), { pods }, { signal })).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is none where pods cannot be reached', async () => {
    expect(await readLogTail(problemOf('crashLoop', crashing), {}, { signal })).toBeUndefined();
  });

  it('ends with an abort, which a log that cannot be read must not hide', async () => {
    const controller = new AbortController();
    const pods = {
      logs: async () => {
        controller.abort(new Error('cancelled'));
        throw new Error('the connection was closed');
      },
    };

    const read = readLogTail(problemOf('crashLoop', crashing), { pods }, { signal: controller.signal });

    await expect(read).rejects.toThrow('cancelled');
  });

  it('stops reading when it is aborted', async () => {
    const controller = new AbortController();
    const pods: Pick<PodAccess, 'logs'> = {
      logs: async (_container, { signal: given }) => {
        controller.abort(new Error('cancelled'));
        given.throwIfAborted();
        return Readable.from([Buffer.from('still read')]);
      },
    };

    const read = readLogTail(problemOf('crashLoop', crashing), { pods }, { signal: controller.signal });

    await expect(read).rejects.toThrow('cancelled');
  });
});
