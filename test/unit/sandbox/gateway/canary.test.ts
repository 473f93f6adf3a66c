import { describe, expect, it } from '@jest/globals';
import { canaryOf } from '../../../../src/sandbox/gateway/canary.ts';
import { createChooser } from '../../../../src/sandbox/gateway/choose.ts';
import type { Share } from '../../../../src/sandbox/gateway/table.ts';

const share = (name: string): Share => ({
  name,
  weight: 1,
  filters: [],
  target: { state: 'known', endpoints: [{ address: name, port: 80, podUid: undefined }] },
});

/** Where requests with these headers go, one after the other, with these annotations of a canary. */
function chosen(annotations: Record<string, string>, requests: Record<string, string>[]): string[] {
  const named = Object.entries(annotations).map(([name, value]) => [
    `nginx.ingress.kubernetes.io/${name}`,
    value,
  ]);
  const metadata = { name: 'canary', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { ...metadata, annotations: Object.fromEntries(named) as Record<string, string> },
  };
  const split = { key: 'main', shares: [share('main')] };
  const match = { path: { type: 'PathPrefix' as const, value: '/' }, headers: [], query: [] };
  const row = { match, filters: [], split, canary: canaryOf(ingress, share('canary'), split) };
  const chooser = createChooser();
  chooser.use({ hosts: new Map([['*', [row]]]) });
  return requests.map((headers) => {
    const choice = chooser.choose({
      method: 'GET',
      host: 'a',
      path: '/',
      query: new URLSearchParams(),
      headers,
    });
    return choice.act === 'forward' ? choice.endpoint.address : choice.act;
  });
}

const plain = (count: number): Record<string, string>[] => Array.from({ length: count }, () => ({}));
const canaries = (annotations: Record<string, string>, count = 100): number =>
  chosen(annotations, plain(count)).filter((name) => name === 'canary').length;

describe('the canary of an Ingress', () => {
  it.each([
    [{ 'canary-weight': '20' }, 20],
    [{ 'canary-weight': '3', 'canary-weight-total': '10' }, 30],
    [{ 'canary-weight': '150' }, 100],
    [{ 'canary-weight': 'many' }, 0],
    [{}, 0],
  ])('with %p gets %d of 100 requests', (annotations, expected) => {
    expect(canaries(annotations)).toBe(expected);
  });

  it('is decided by the header before the cookie, and by the cookie before the weight', () => {
    const annotations = {
      'canary-weight': '100',
      'canary-by-header': 'X-Canary',
      'canary-by-cookie': 'tester',
    };

    expect(
      chosen(annotations, [
        { 'x-canary': 'never', cookie: 'tester=always' },
        { 'x-canary': 'always', cookie: 'tester=never' },
        { cookie: 'a=b; tester=never' },
        { cookie: 'not-tester=never' },
        {},
      ]),
    ).toEqual(['main', 'canary', 'main', 'canary', 'canary']);
  });

  it('takes a value before a pattern, and neither `always` nor `never` then', () => {
    const header = { 'canary-by-header': 'X-Group' };
    const requests = [{ 'x-group': 'a' }, { 'x-group': 'b' }, { 'x-group': 'always' }];

    expect(
      chosen({ ...header, 'canary-by-header-value': 'a', 'canary-by-header-pattern': 'b' }, requests),
    ).toEqual(['canary', 'main', 'main']);
    expect(chosen({ ...header, 'canary-by-header-pattern': '^b$' }, requests)).toEqual([
      'main',
      'canary',
      'main',
    ]);
    expect(chosen({ ...header, 'canary-by-header-pattern': '(' }, requests)).toEqual([
      'main',
      'main',
      'main',
    ]);
  });
});
