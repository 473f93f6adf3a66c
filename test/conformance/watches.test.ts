import { describe, expect, it } from '@jest/globals';
import { useLab } from './lab.ts';
import { configMap } from './objects.ts';
import type { Json, WatchEvent } from './wire.ts';

const lab = useLab('watches');
const summary = (events: WatchEvent[]): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata?.name}`);
const version = async (): Promise<string> => (await lab.read('configmaps')).body.metadata.resourceVersion;

/** Watches ConfigMaps while `act` runs, until so many events came. */
async function during(
  query: Record<string, string>,
  count: number,
  act: () => Promise<unknown>,
): Promise<WatchEvent[]> {
  const watching = lab.wire.watch(
    await lab.url('configmaps'),
    { timeoutSeconds: '8', ...query },
    (events) => events.length >= count,
  );
  await act();
  return watching;
}

describe('a watch', () => {
  it('tells of what is added, changed and deleted after its version, in order', async () => {
    const resourceVersion = await version();

    const events = await during({ resourceVersion }, 3, async () => {
      await lab.create('configmaps', configMap('seen'));
      await lab.patch('configmaps', 'seen', { data: { key: 'new' } });
      await lab.remove('configmaps', 'seen');
    });

    expect(summary(events)).toEqual(['ADDED seen', 'MODIFIED seen', 'DELETED seen']);
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect([...versions].sort((left, right) => left - right)).toEqual(versions);
    expect(new Set(versions).size).toBe(3);
  });

  it('begins with all there is when no version is given', async () => {
    await lab.create('configmaps', configMap('there', {}, { labels: { watch: 'start' } }));

    const events = await during({ labelSelector: 'watch=start' }, 1, async () => undefined);

    expect(summary(events)).toEqual(['ADDED there']);
  });

  it('begins with all there is at version 0', async () => {
    await lab.create('configmaps', configMap('zero', {}, { labels: { watch: 'zero' } }));

    const events = await during(
      { labelSelector: 'watch=zero', resourceVersion: '0' },
      1,
      async () => undefined,
    );

    expect(summary(events)).toEqual(['ADDED zero']);
  });

  it('tells what happened between its version and now', async () => {
    const resourceVersion = await version();
    await lab.create('configmaps', configMap('between'));

    const events = await during({ resourceVersion }, 1, async () => undefined);

    expect(summary(events)).toEqual(['ADDED between']);
  });

  it('takes a change into and out of its selector for an addition and a deletion', async () => {
    await lab.create('configmaps', configMap('moving'));
    const resourceVersion = await version();

    const events = await during({ resourceVersion, labelSelector: 'track=canary' }, 2, async () => {
      await lab.patch('configmaps', 'moving', { metadata: { labels: { track: 'canary' } } });
      await lab.patch('configmaps', 'moving', { metadata: { labels: { track: 'stable' } } });
    });

    expect(summary(events)).toEqual(['ADDED moving', 'DELETED moving']);
  });

  it('follows one object by its name', async () => {
    const resourceVersion = await version();

    const events = await during({ resourceVersion, fieldSelector: 'metadata.name=chosen' }, 1, async () => {
      await lab.create('configmaps', configMap('not-chosen'));
      await lab.create('configmaps', configMap('chosen'));
    });

    expect(summary(events)).toEqual(['ADDED chosen']);
  });

  it('gives the kind in each object', async () => {
    const resourceVersion = await version();

    const [event] = await during({ resourceVersion }, 1, () => lab.create('configmaps', configMap('kind')));

    expect(event?.object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
  });

  it('ends after timeoutSeconds', async () => {
    const resourceVersion = await version();
    const begun = Date.now();

    const events = await during({ resourceVersion, timeoutSeconds: '1' }, 99, async () => undefined);

    expect(events).toEqual([]);
    expect(Date.now() - begun).toBeLessThan(6000);
  });

  it.each(['true', 'True'])('sends a bookmark before its timeout when asked by %s', async (asked) => {
    const resourceVersion = await version();
    const bookmarked = (events: WatchEvent[]): boolean => events.some(({ type }) => type === 'BOOKMARK');

    // A bookmark is the server's to send: one under load misses the end of a short watch at times.
    let events: WatchEvent[] = [];
    for (let watch = 1; watch <= 4 && !bookmarked(events); watch += 1) {
      const watching = lab.wire.watch(
        await lab.url('configmaps'),
        { resourceVersion, allowWatchBookmarks: asked, timeoutSeconds: '5' },
        bookmarked,
      );
      // A server that was just started sends none before it saw a change.
      await lab.create('configmaps', configMap(`marked-${asked === 'true' ? 'true' : 'capital'}-${watch}`));
      events = await watching;
    }

    const bookmark: Json = events.find(({ type }) => type === 'BOOKMARK')?.object;
    expect(bookmark).toMatchObject({ kind: 'ConfigMap' });
    expect(Number(bookmark.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(resourceVersion));
    expect(bookmark.metadata.name).toBeUndefined();
  });

  it('says 410 Expired for a version that is too old', async () => {
    const [event] = await during({ resourceVersion: '1' }, 1, async () => undefined);

    expect(event?.type).toBe('ERROR');
    expect(event?.object).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
    expect(event?.object.message).toContain('too old resource version');
  });

  it('refuses a version that is none', async () => {
    const [event] = await during({ resourceVersion: 'abc' }, 1, async () => undefined);

    // 1.20 says 500, newer releases 400.
    expect(['HTTP 400', 'HTTP 500']).toContain(event?.type);
  });

  it('comes as a table when asked for it', async () => {
    await lab.create('configmaps', configMap('row', { key: 'value' }, { labels: { watch: 'table' } }));

    const { code, body } = await lab.wire.request('GET', await lab.url('configmaps'), {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      query: { watch: 'true', labelSelector: 'watch=table', timeoutSeconds: '1' },
    });

    expect(code).toBe(200);
    expect(body).toMatchObject({
      type: 'ADDED',
      object: { kind: 'Table', rows: [{ cells: ['row', 1, expect.anything()] }] },
    });
  });

  it('goes over all namespaces', async () => {
    const { body } = await lab.wire.request('GET', '/api/v1/configmaps', { query: { limit: '1' } });
    const { resourceVersion } = body.metadata as { resourceVersion: string };
    const watching = lab.wire.watch(
      '/api/v1/configmaps',
      { resourceVersion, timeoutSeconds: '8', labelSelector: `lab=${lab.namespace}` },
      (events) => events.length > 0,
    );
    await lab.create('configmaps', configMap('anywhere', {}, { labels: { lab: lab.namespace } }));

    expect(summary(await watching)).toEqual(['ADDED anywhere']);
  });
});
