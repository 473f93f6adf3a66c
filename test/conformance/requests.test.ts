/** How requests are read: what clients in other languages send, and what nobody sends by mistake. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { patience, useLab } from './lab.ts';
import { condition, configMap, idle, pod } from './objects.ts';
import type { Json, WatchEvent } from './wire.ts';

const lab = useLab('requests');
const summary = (events: WatchEvent[]): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata?.name}`);

beforeAll(async () => {
  await lab.create('configmaps', configMap('there', {}, { labels: { topic: 'requests' } }));
  await lab.create('pods', pod('target', `echo first; echo second; ${idle}`));
  await lab.until('pods', 'target', (found) => condition(found, 'Ready')?.status === 'True', 25);
}, 40_000 * patience);

describe('a boolean parameter', () => {
  const selection = { labelSelector: 'topic=requests', timeoutSeconds: '5' };

  it.each(['true', 'True', 'TRUE', 't', '1', 'yes', ''])('watch=%s watches', async (watch) => {
    const events = await lab.wire.watch(await lab.url('configmaps'), { ...selection, watch }, () => true);

    expect(summary(events)).toEqual(['ADDED there']);
  });

  it.each(['false', 'False', 'FALSE', '0'])('watch=%s lists', async (watch) => {
    const { body } = await lab.read('configmaps', undefined, { ...selection, watch });

    expect(body.kind).toBe('ConfigMapList');
  });

  it.each(['True', 't', '1'])('of exec may be %s', async (yes) => {
    const command = ['sh', '-c', 'head -c 2; echo oops >&2; exit 5'];

    const outcome = await lab.wire.exec(lab.namespace, 'target', { command, stdin: 'in', yes });

    expect([outcome.stdout, outcome.stderr]).toEqual(['in', 'oops\n']);
    expect(outcome.status).toMatchObject({ details: { causes: [{ reason: 'ExitCode', message: '5' }] } });
  });

  it('of a log may be True', async () => {
    const query = { timestamps: 'True', tailLines: '1' };

    const { text } = await lab.wire.request('GET', await lab.url('pods', 'target', 'log'), { query });

    expect(text).toMatch(/^\d{4}-\d\d-\d\dT\S+Z second\n$/);
  });

  it('of an apply may be True', async () => {
    const desired = (value: string): Json => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'forced' },
      data: { key: value },
    });
    await lab.patch('configmaps', 'forced', desired('one'), 'apply', { query: { fieldManager: 'first' } });

    const refused = await lab.patch('configmaps', 'forced', desired('two'), 'apply');
    const forced = await lab.patch('configmaps', 'forced', desired('two'), 'apply', {
      query: { force: 'True' },
    });

    expect([refused.code, forced.code]).toEqual([409, 200]);
  });
});

describe('a number', () => {
  it.each(['limit', 'timeoutSeconds'])('in %s that is none is refused', async (name) => {
    const { code, body } = await lab.read('configmaps', undefined, { [name]: 'x' });

    expect([code, body.message]).toEqual([400, 'strconv.ParseInt: parsing "x": invalid syntax']);
  });

  it.each([
    ['tailLines', 'x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['tailLines', '-1', 422, 'tailLines: Invalid value: -1: must be greater than or equal to 0'],
    ['sinceSeconds', '0', 422, 'sinceSeconds: Invalid value: 0: must be greater than 0'],
    ['limitBytes', '0', 422, 'limitBytes: Invalid value: 0: must be greater than 0'],
  ])('of a log, %s=%s, is refused with %d', async (name, value, refusal, message) => {
    const url = await lab.url('pods', 'target', 'log');

    const { code, body } = await lab.wire.request('GET', url, { query: { [name]: value } });

    expect([code, body.message]).toEqual([refusal, expect.stringContaining(message)]);
  });
});

describe('the older path of a watch', () => {
  const watch = (path: string, query: Record<string, string> = {}): Promise<WatchEvent[]> =>
    lab.wire.watch(`/api/v1/watch/${path}`, { timeoutSeconds: '5', ...query }, () => true);

  it('follows a collection, whatever its parameter says', async () => {
    const query = { labelSelector: 'topic=requests', watch: 'false' };

    expect(summary(await watch(`namespaces/${lab.namespace}/configmaps`, query))).toEqual(['ADDED there']);
  });

  it('follows one object', async () => {
    const events = await watch(`namespaces/${lab.namespace}/configmaps/there`);

    expect(summary(events)).toEqual(['ADDED there']);
  });

  it('follows all namespaces, and one', async () => {
    const everywhere = await watch('configmaps', { labelSelector: 'topic=requests' });
    const namespace = await watch(`namespaces/${lab.namespace}`);

    expect(summary(everywhere)).toContain('ADDED there');
    expect(summary(namespace)).toEqual([`ADDED ${lab.namespace}`]);
  });

  it('follows the kinds of a group', async () => {
    const path = `/apis/apps/v1/watch/namespaces/${lab.namespace}/deployments`;

    expect(await lab.wire.watch(path, { timeoutSeconds: '1' }, () => false)).toEqual([]);
  });

  it('is for reading alone, and not for subresources', async () => {
    const path = `/api/v1/watch/namespaces/${lab.namespace}/pods`;

    const posted = await lab.wire.request('POST', path, { body: pod('no', 'true') });
    const log = await lab.wire.request('GET', `${path}/target/log`);

    expect([posted.code, log.code]).toEqual([405, 404]);
  });
});

describe('a body that is nested 200,000 deep', () => {
  const deep = `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`;
  const url = (): Promise<string> => lab.url('configmaps', 'there');

  it('is refused as an object', async () => {
    const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"data":${deep}}`;

    const { code } = await lab.wire.request('POST', await lab.url('configmaps'), { body });

    expect(code).toBe(400);
  });

  it.each(['merge-patch', 'strategic-merge-patch', 'json-patch'])('is refused as a %s', async (type) => {
    const body = type === 'json-patch' ? `[{"op":"add","path":"/data","value":${deep}}]` : `{"data":${deep}}`;

    const { code, body: answer } = await lab.wire.request('PATCH', await url(), {
      body,
      contentType: `application/${type}+json`,
    });

    expect([code, answer.message]).toEqual([400, expect.stringContaining('exceeded max depth')]);
  });
});
