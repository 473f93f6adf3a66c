import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { backoffMs, watchCollection } from '../../../../../src/adapters/kubernetes/watch/watch-loop.ts';
import {
  readWatchLines,
  SilentWatchError,
} from '../../../../../src/adapters/kubernetes/watch/watch-lines.ts';
import type { WatchEvent } from '../../../../../src/ports/cluster.ts';
import { ForbiddenError, UnreachableError } from '../../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../../src/ports/kubernetes-object.ts';

const object = (name: string, resourceVersion: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, resourceVersion },
});
const line = (type: string, name: string, version: string) =>
  `${JSON.stringify({ type, object: object(name, version) })}\n`;

/** Watches a script of answers; opens with the last one for ever. @returns the first `count` events and what was asked */
async function watch(
  script: {
    lists: (readonly KubernetesObject[] | Error)[];
    watches: (readonly string[] | Error | 'frozen')[];
  },
  count: number,
  silenceMs = 10_000,
) {
  const asked: string[] = [];
  const events: string[] = [];
  const ending = new AbortController();
  const collection = {
    what: 'watch pods',
    silenceMs,
    list: async () => {
      asked.push('list');
      const next = script.lists.shift() ?? [];
      if (next instanceof Error) throw next;
      return { objects: [...next], resourceVersion: '10' };
    },
    open: async (version: string) => {
      asked.push(`watch ${version}`);
      const next = script.watches.shift();
      if (next instanceof Error) throw next;
      return next === undefined || next === 'frozen'
        ? new Readable({ read: () => undefined })
        : Readable.from(next.map((text) => Buffer.from(text)));
    },
  };
  for await (const event of watchCollection(collection, ending.signal)) {
    events.push(describeEvent(event));
    if (events.length === count) ending.abort();
  }
  return { asked, events };
}

function describeEvent(event: WatchEvent): string {
  return event.type === 'reset'
    ? `reset ${event.objects.map(({ metadata }) => metadata.name).join(',')}`
    : `${event.type} ${event.object.metadata.name}`;
}

describe('the watch loop', () => {
  it('begins with what is there and goes on with what changes', async () => {
    const { events, asked } = await watch(
      {
        lists: [[object('a', '9')]],
        watches: [[line('ADDED', 'b', '11') + line('MODIFIED', 'a', '12') + line('DELETED', 'b', '13')]],
      },
      4,
    );

    expect(events).toEqual(['reset a', 'upsert b', 'upsert a', 'delete b']);
    expect(asked).toEqual(['list', 'watch 10']);
  });

  it('goes on from the last version, bookmarks too, when a watch ends', async () => {
    const { asked, events } = await watch(
      {
        lists: [[]],
        watches: [[line('ADDED', 'a', '11')], [line('BOOKMARK', '', '20')], [line('ADDED', 'b', '21')]],
      },
      3,
    );

    expect(asked).toEqual(['list', 'watch 10', 'watch 11', 'watch 20']);
    expect(events).toEqual(['reset ', 'upsert a', 'upsert b']);
  });

  it.each<[string, readonly string[] | Error]>([
    ['inside the stream', [`${JSON.stringify({ type: 'ERROR', object: { code: 410 } })}\n`]],
    ['when it is opened', new UnreachableError('gone', { status: 410 })],
  ])('lists again when its version has gone %s', async (_, expired) => {
    const { asked, events } = await watch(
      { lists: [[object('a', '9')], [object('b', '9')]], watches: [expired, [line('ADDED', 'c', '11')]] },
      3,
    );

    expect(asked).toEqual(['list', 'watch 10', 'list', 'watch 10']);
    expect(events).toEqual(['reset a', 'reset b', 'upsert c']);
  });

  it('survives a lost connection and a server that fails', async () => {
    const { events } = await watch(
      {
        lists: [new UnreachableError('refused'), []],
        watches: [
          new UnreachableError('reset'),
          [line('ADDED', 'a', '11').slice(0, 20)],
          [line('ADDED', 'b', '12')],
        ],
      },
      2,
    );

    expect(events).toEqual(['reset ', 'upsert b']);
  });

  it('lists again when a watch froze, since what holds it back may hold the next one back too', async () => {
    const lists = [[object('a', '9')], [object('b', '11')]];
    const { events, asked } = await watch({ lists, watches: ['frozen', 'frozen'] }, 2, 30);

    expect(events).toEqual(['reset a', 'reset b']);
    expect(asked.slice(0, 3)).toEqual(['list', 'watch 10', 'list']);
  });

  it('ends with what retrying cannot mend', async () => {
    await expect(
      watch({ lists: [new ForbiddenError('no', { status: 403 })], watches: [] }, 1),
    ).rejects.toThrow('no');
  });

  it('waits a little longer each time', () => {
    expect([1, 2, 3, 20].map((failures) => backoffMs(failures, 0))).toEqual([125, 250, 500, 5000]);
  });
});

describe('the lines of a watch', () => {
  it('are put together again wherever they were cut, in the middle of a character too', async () => {
    const bytes = Buffer.from(line('ADDED', 'ünï', '1'));
    const chunks = [...bytes].map((byte) => Buffer.from([byte]));

    const names: unknown[] = [];
    for await (const { object: found } of readWatchLines(Readable.from(chunks), 1000)) {
      names.push((found.metadata as { name?: string }).name);
    }

    expect(names).toEqual(['ünï']);
  });

  it('end when nothing comes for too long', async () => {
    const silent = new Readable({ read: () => undefined });

    const lines = readWatchLines(silent, 30);

    await expect(lines.next()).rejects.toThrow(SilentWatchError);
    expect(silent.destroyed).toBe(true);
  });
});
