import { describe, expect, it } from '@jest/globals';
import { createEventHub } from '../../../src/app/event-hub.ts';
import { Masker } from '../../../src/base/mask.ts';
import type { Reporter, TimedEvent } from '../../../src/ports/events.ts';

function recorder(): Reporter & { events: TimedEvent[]; closed: boolean } {
  const events: TimedEvent[] = [];
  return {
    events,
    closed: false,
    handle: (event) => void events.push(event),
    close() {
      this.closed = true;
      return Promise.resolve();
    },
  };
}

function output(text: string): TimedEvent {
  return {
    type: 'step.output',
    stage: 'build',
    step: 'run',
    id: 'build.1.run',
    chunk: Buffer.from(text),
    offset: 0,
    runId: '01R',
    at: 1,
    sequence: 1,
  };
}

const stepEnd: TimedEvent = {
  type: 'step.end',
  stage: 'build',
  step: 'run',
  id: 'build.1.run',
  exitCode: 0,
  runId: '01R',
  at: 2,
  sequence: 2,
};

function setUp(...reporters: Reporter[]) {
  const warnings: string[] = [];
  const masker = new Masker();
  masker.add(Buffer.from('hunter22'));
  return { hub: createEventHub(reporters, masker, (message) => warnings.push(message)), warnings };
}

describe('the event hub', () => {
  it('masks a secret that a step prints in two writes, and shows the rest', async () => {
    const seen = recorder();
    const { hub } = setUp(seen);

    for (const event of [output('token=hunt'), output('er22 ok hun'), stepEnd]) await hub.handle(event);

    const text = seen.events
      .map((event) => (event.type === 'step.output' ? event.chunk.toString() : ''))
      .join('');
    expect(text).toBe('token=*** ok hun');
    expect(seen.events.at(-1)).toEqual(stepEnd);
  });

  it('masks every text of every other event', async () => {
    const seen = recorder();
    const { hub } = setUp(seen);

    await hub.handle({
      type: 'notice',
      level: 'info',
      message: 'password hunter22',
      runId: '01R',
      at: 1,
      sequence: 1,
    });

    expect(seen.events).toEqual([
      { type: 'notice', level: 'info', message: 'password ***', runId: '01R', at: 1, sequence: 1 },
    ]);
  });

  it('goes on when one reporter fails, and says so', async () => {
    const seen = recorder();
    const broken: Reporter = {
      handle: () => {
        throw new Error('disk full');
      },
      close: () => Promise.reject(new Error('disk full')),
    };
    const { hub, warnings } = setUp(broken, seen);

    await hub.handle(stepEnd);
    await hub.close();

    expect(seen.events).toEqual([stepEnd]);
    expect(seen.closed).toBe(true);
    expect(warnings).toEqual(['a reporter failed; later errors of it are not reported']);
  });

  it.each(['EBADF', 'ENOSPC', 'EPIPE'])(
    'reports a file that fails with %s on each event once',
    async (code) => {
      const seen = recorder();
      const closed: Reporter = {
        handle: () => Promise.reject(Object.assign(new Error(`${code}: write`), { code })),
        close: () => Promise.resolve(),
      };
      const { hub, warnings } = setUp(closed, seen);

      for (const event of [output('lines\n'), output('more\n'), stepEnd]) await hub.handle(event);
      await hub.close();

      expect(seen.events.at(-1)).toEqual(stepEnd);
      expect(warnings).toHaveLength(1);
    },
  );

  it('reports a reporter that only cannot finish', async () => {
    const broken: Reporter = { handle: () => undefined, close: () => Promise.reject(new Error('disk full')) };
    const { hub, warnings } = setUp(broken);

    await hub.handle(stepEnd);
    await hub.close();

    expect(warnings).toEqual(['a reporter could not finish']);
  });
});
