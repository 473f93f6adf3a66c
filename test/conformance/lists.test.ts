import { beforeAll, describe, expect, it } from '@jest/globals';
import { patience, useLab } from './lab.ts';
import { configMap } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('lists');
const names = (body: Json): string[] => body.items.map((item: Json) => item.metadata.name as string);

beforeAll(async () => {
  const sets = [
    ['a1', { app: 'web', tier: 'front' }],
    ['a2', { app: 'web', tier: 'back' }],
    ['b1', { app: 'api', tier: 'back', track: 'canary' }],
    ['c1', { tier: 'none' }],
    ['d1', {}],
  ] as const;
  for (const [name, labels] of sets)
    await lab.create('configmaps', configMap(name, {}, { labels: { ...labels, set: 'lists' } }));
}, 20_000 * patience);

const list = async (query: Record<string, string>): Promise<Json> =>
  (await lab.read('configmaps', undefined, query)).body;

describe('label selectors', () => {
  it.each([
    ['app=web', ['a1', 'a2']],
    ['app==web', ['a1', 'a2']],
    ['app!=web', ['b1', 'c1', 'd1']],
    ['app', ['a1', 'a2', 'b1']],
    ['!app', ['c1', 'd1']],
    ['app in (web,api)', ['a1', 'a2', 'b1']],
    ['app notin (web)', ['b1', 'c1', 'd1']],
    ['app=web,tier=back', ['a2']],
    ['tier in (back), track', ['b1']],
    ['app=nothing', []],
  ])('%s', async (selector, expected) => {
    expect(names(await list({ labelSelector: `set=lists,${selector}` }))).toEqual(expected);
  });

  it.each(['app=(', 'app in web', '=x', 'a/b/c=d'])('%s is refused', async (selector) => {
    const { code, body } = await lab.read('configmaps', undefined, { labelSelector: selector });

    expect(code).toBe(400);
    expect(body.reason).toBe('BadRequest');
  });
});

describe('field selectors', () => {
  it.each([
    ['metadata.name=a1', ['a1']],
    ['metadata.name!=a1', ['a2', 'b1', 'c1', 'd1']],
    ['metadata.name=none', []],
  ])('%s', async (selector, expected) => {
    expect(names(await list({ labelSelector: 'set=lists', fieldSelector: selector }))).toEqual(expected);
  });

  it('refuses a field it cannot select by', async () => {
    const { code, body } = await lab.read('configmaps', undefined, { fieldSelector: 'data.key=value' });

    expect(code).toBe(400);
    expect(body.message).toMatch(
      /field label not supported: data\.key|"data\.key" is not a known field selector/,
    );
  });

  it('selects pods by status.phase and spec.nodeName', async () => {
    const { code, body } = await lab.read('pods', undefined, {
      fieldSelector: 'status.phase=Running,spec.nodeName=nowhere',
    });

    expect(code).toBe(200);
    expect(body.items).toEqual([]);
  });

  it('selects events by what they are about', async () => {
    const { code } = await lab.read('events', undefined, {
      fieldSelector: 'involvedObject.kind=Pod,reason=Started,type=Normal',
    });

    expect(code).toBe(200);
  });
});

describe('lists', () => {
  it('have the kind of a list and a resourceVersion, and items without kind and apiVersion', async () => {
    const body = await list({ labelSelector: 'set=lists' });

    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(body.items[0].kind).toBeUndefined();
  });

  it('are empty, not missing, when nothing is there', async () => {
    const { code, body } = await lab.read('jobs');

    expect(code).toBe(200);
    expect(body.items).toEqual([]);
  });

  it('are sorted by name', async () => {
    expect(names(await list({ labelSelector: 'set=lists' }))).toEqual(['a1', 'a2', 'b1', 'c1', 'd1']);
  });

  it('go over all namespaces', async () => {
    const { body } = await lab.wire.request('GET', '/api/v1/configmaps', {
      query: { labelSelector: 'set=lists' },
    });
    const mine = body.items.filter((item: Json) => item.metadata.namespace === lab.namespace);

    expect(mine).toHaveLength(5);
  });

  it('come as a table with one row an object', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';

    const { body } = await lab.wire.request('GET', await lab.url('configmaps'), {
      accept,
      query: { labelSelector: 'set=lists' },
    });

    expect(body.kind).toBe('Table');
    expect(body.rows).toHaveLength(5);
  });
});

describe('chunks', () => {
  it('give every object once, with how many are left', async () => {
    const seen: string[] = [];
    const left: (number | undefined)[] = [];
    let token: string | undefined = '';
    while (token !== undefined) {
      const body: Json = await list({
        labelSelector: '',
        limit: '2',
        ...(token === '' ? {} : { continue: token }),
      });
      seen.push(...names(body));
      left.push(body.metadata.remainingItemCount);
      token = body.metadata.continue;
    }
    const all = names(await list({}));

    expect(seen).toEqual(all);
    expect(left[0]).toBe(all.length - 2);
    expect(left.at(-1)).toBeUndefined();
  });

  it('show the list as it was when it was begun', async () => {
    const first = await list({ limit: '2' });
    await lab.create('configmaps', configMap('zz-late'));

    const rest = await list({ limit: '100', continue: first.metadata.continue });

    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(names(rest)).not.toContain('zz-late');
    await lab.remove('configmaps', 'zz-late');
  });

  it('do not count what is left when a selector filters', async () => {
    const body = await list({ labelSelector: 'set=lists', limit: '2' });

    expect(names(body)).toEqual(['a1', 'a2']);
    expect(body.metadata.continue).not.toBe('');
    expect(body.metadata.remainingItemCount).toBeUndefined();
  });

  it('refuse a token that is none', async () => {
    const { code } = await lab.read('configmaps', undefined, { limit: '2', continue: 'not-a-token' });

    expect(code).toBe(400);
  });
});
