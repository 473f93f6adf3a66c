import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { ReleaseStatus } from '../../../src/app/release-commands.ts';
import type { Look } from '../../../src/app/watch-release.ts';
import { blockView, jsonView, pictureView, showLooks } from '../../../src/cli/watch-status.ts';

const target = { application: 'web', connection: { namespace: 'shop' } };
const status = (phaseSpentMs: number, ready: number) =>
  ({
    ...{ application: 'web', namespace: 'shop', workloads: [] },
    current: {
      ...{ revision: 2, phase: 'waiting', phaseSpentMs, generations: { web: ready } },
      entry: { number: 2, images: { web: `web:${String(ready)}` } },
    },
  }) as unknown as ReleaseStatus;
const seen = (phaseSpentMs: number, ready: number): Look => ({
  type: 'seen',
  status: status(phaseSpentMs, ready),
});
const unanswered: Look = { type: 'unanswered', message: 'connection refused' };
const told = 'no answer for the moment, asking again: connection refused';
const text = (ready: number) =>
  `web in shop\nin progress: revision 2, web=web:${String(ready)}, in phase waiting, owned by no runner`;

/** What a view has shown of these looks, each once more right after it. */
async function shown<T>(
  view: (write: (shown: T) => Promise<void>) => { show(look: Look): Promise<void> | void },
  looks: readonly Look[],
): Promise<T[]> {
  const written: T[] = [];
  const watched = view((one) => Promise.resolve(void written.push(one)));
  for (const look of looks) {
    await watched.show(look);
    await watched.show(look);
  }
  return written;
}

describe('a release that is watched without a terminal', () => {
  it('is written as a block of text when the text has changed', async () => {
    const blocks = await shown<string>(
      (write) => blockView(target, write),
      [seen(0, 1), seen(60_000, 1), seen(60_000, 2), unanswered, seen(60_000, 2)],
    );

    expect(blocks).toEqual([text(1), `\n${text(2)}`, `\n${told}`, `\n${text(2)}`]);
  });

  it('is written as JSON when more than a time has changed', async () => {
    const values = await shown<object>(
      (write) => jsonView(target, write),
      [seen(0, 1), seen(60_000, 1), seen(60_000, 2), unanswered, seen(60_000, 2)],
    );

    expect(values).toEqual([
      status(0, 1),
      status(60_000, 2),
      { application: 'web', namespace: 'shop', unanswered: 'connection refused' },
      status(60_000, 2),
    ]);
  });
});

describe('a release that is watched on a terminal', () => {
  it('is drawn as it was seen last, with the missing answer below it', () => {
    const drawn: (readonly string[])[] = [];
    let isClosed = false;
    const view = pictureView(target, {
      draw: (lines) => void drawn.push(lines),
      close: () => (isClosed = true),
    });

    void view.show(seen(0, 1));
    void view.show(unanswered);
    void view.show(seen(0, 2));
    view.close();

    const lines = [text(1), `${text(1)}\n${told}`, text(2)].map((all) => all.split('\n'));
    expect(drawn).toEqual(lines);
    expect(isClosed).toBe(true);
  });
});

describe('looks at a release', () => {
  async function* looksAt(answers: readonly Look[], asked: Look[] = []) {
    for (const look of answers) {
      asked.push(look);
      yield await Promise.resolve(look);
    }
  }

  it('are shown until there are no more', async () => {
    const output = new PassThrough();
    const drawn: Look[] = [];
    let closed = 0;

    await showLooks(
      looksAt([seen(0, 1), unanswered]),
      { show: (look) => void drawn.push(look), close: () => void (closed += 1) },
      output,
    );

    expect(drawn).toEqual([seen(0, 1), unanswered]);
    expect(closed).toBe(1);
    expect(output.listenerCount('error')).toBe(0);
  });

  it('end when the reader of the output has gone', async () => {
    const output = new PassThrough();
    const asked: Look[] = [];
    let closed = 0;

    await showLooks(
      looksAt([seen(0, 1), seen(0, 2), seen(0, 3)], asked),
      {
        show: () => {
          if (asked.length === 2) output.emit('error', new Error('EPIPE'));
        },
        close: () => void (closed += 1),
      },
      output,
    );

    expect(asked).toHaveLength(2);
    expect(closed).toBe(1);
  });
});
