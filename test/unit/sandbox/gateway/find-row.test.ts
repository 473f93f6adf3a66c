import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findRow } from '../../../../src/sandbox/gateway/find-row.ts';
import type { RequestLine } from '../../../../src/sandbox/gateway/find-row.ts';
import { placed, tableOf } from '../../../../src/sandbox/gateway/placed-row.ts';
import type { PlacedRow } from '../../../../src/sandbox/gateway/placed-row.ts';
import { readMatches } from '../../../../src/sandbox/gateway/read-matches.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import { sharedHosts } from '../../../../src/sandbox/gateway/hosts.ts';

/** Rows of a route, each known by its name as the key of its split. */
function rowsOf(
  name: string,
  match: Fields,
  { host = '*', createdAt = '2026-01-01T00:00:00Z' } = {},
): PlacedRow[] {
  const metadata = { name, namespace: 'shop', uid: name, resourceVersion: '1', creationTimestamp: createdAt };
  const { matches } = readMatches({ matches: [match] });
  const rows = matches.map((one) => ({ match: one, filters: [], split: { key: name, shares: [] } }));
  return placed({ apiVersion: 'v1', kind: 'HTTPRoute', metadata }, host, rows);
}

const prefix = (value: string): Fields => ({ path: { type: 'PathPrefix', value } });
const exact = (value: string): Fields => ({ path: { type: 'Exact', value } });
const header = (name: string, value: string, type = 'Exact'): Fields => ({ name, value, type });

function found(rows: PlacedRow[][], path: string, more: Partial<RequestLine> = {}): string | undefined {
  const [plain = '', search = ''] = path.split('?');
  const request = {
    method: 'GET',
    host: 'www.shop.test',
    path: plain,
    query: new URLSearchParams(search),
    headers: {},
    ...more,
  };
  return findRow(tableOf(rows.flat()), request)?.split.key;
}

describe('the route that takes a request', () => {
  it.each([
    ['/cart', '/cart', true],
    ['/cart', '/cart/', true],
    ['/cart', '/cart/1', true],
    ['/cart/', '/cart', true],
    ['/cart', '/cartoon', false],
    ['/', '/anything', true],
  ])('has a prefix that counts by segments: %s takes %s: %s', (value, path, isTaken) => {
    expect(found([rowsOf('route', prefix(value))], path)).toBe(isTaken ? 'route' : undefined);
  });

  it('is the one with the exact path, then the longest prefix, whatever the order', () => {
    const rows = [
      rowsOf('short', prefix('/a')),
      rowsOf('exact', exact('/a/b')),
      rowsOf('long', prefix('/a/b')),
      rowsOf('all', {}),
    ];
    for (const order of [rows, rows.toReversed()]) {
      expect(found(order, '/a/b')).toBe('exact');
      expect(found(order, '/a/b/c')).toBe('long');
      expect(found(order, '/a/c')).toBe('short');
      expect(found(order, '/')).toBe('all');
    }
  });

  it('is, for one path, the one with a method, then more headers, then more of the query', () => {
    const [one, two] = [header('X-One', '1'), header('X-Two', '2')];
    const rows = [
      rowsOf('query', { ...prefix('/'), queryParams: [{ name: 'a', value: '1' }] }),
      rowsOf('one header', { ...prefix('/'), headers: [one] }),
      rowsOf('two headers', { ...prefix('/'), headers: [one, two] }),
      rowsOf('method', { ...prefix('/'), method: 'POST' }),
    ];
    const headers = { 'x-one': '1', 'x-two': '2' };

    expect(found(rows, '/?a=1', { headers, method: 'POST' })).toBe('method');
    expect(found(rows, '/?a=1', { headers })).toBe('two headers');
    expect(found(rows, '/?a=1', { headers: { 'x-one': '1' } })).toBe('one header');
    expect(found(rows, '/?a=1')).toBe('query');
    expect(found(rows, '/?a=2')).toBeUndefined();
  });

  it('is, all else equal, the older one, then the first by name', () => {
    const rows = [rowsOf('b', {}), rowsOf('a', {}), rowsOf('old', {}, { createdAt: '2025-01-01T00:00:00Z' })];

    expect(found(rows, '/')).toBe('old');
    expect(found(rows.slice(0, 2), '/')).toBe('a');
  });

  it('is the one of the host itself before those of wildcards, the longer one first, and of any host', () => {
    const rows = ['*', '*.test', '*.shop.test', 'www.shop.test'].map((host) => rowsOf(host, {}, { host }));

    for (const [index, host] of ['other', 'a.test', 'a.shop.test', 'www.shop.test'].entries())
      expect(found(rows, '/', { host })).toBe(['*', '*.test', '*.shop.test', 'www.shop.test'][index]);
    expect(found(rows, '/', { host: 'shop.test' })).toBe('*.test');
  });

  it('does not match an expression that would cost too much on so long a path', () => {
    const path = { type: 'RegularExpression', value: '/a{1000}b{1000}' };

    expect(found([rowsOf('path', { path })], `/${'a'.repeat(15_000)}`)).toBeUndefined();
  });

  it('may match by expressions, whose time does not explode', () => {
    const rows = [
      rowsOf('path', { path: { type: 'RegularExpression', value: '/v[0-9]+/(a+)+$' } }),
      rowsOf('header', { ...prefix('/'), headers: [header('x-user', '^test-', 'RegularExpression')] }),
    ];

    expect(found(rows, '/v12/aaa')).toBe('path');
    expect(found(rows, `/v1/${'a'.repeat(5000)}!`)).toBeUndefined();
    expect(found(rows, '/', { headers: { 'x-user': 'test-1' } })).toBe('header');
    expect(found(rows, '/', { headers: { 'x-user': 'a-test-1' } })).toBeUndefined();
  });
});

describe('an expression that is none', () => {
  it('is told as what cannot be done', () => {
    const { matches, unsupported } = readMatches({
      matches: [{ path: { type: 'RegularExpression', value: '(' } }],
    });

    expect(matches).toEqual([]);
    expect(unsupported).toHaveLength(1);
  });
});

describe('the hosts that a listener and a route share', () => {
  it.each([
    [undefined, [], ['*']],
    [undefined, ['a.test'], ['a.test']],
    ['a.test', [], ['a.test']],
    ['*.test', ['a.test', 'b.other'], ['a.test']],
    ['a.test', ['*.test'], ['a.test']],
    ['*.test', ['*.a.test'], ['*.a.test']],
    ['a.test', ['b.test'], []],
    ['*.test', ['test'], []],
  ])('of %p and %p are %p', (listener, names, expected) => {
    expect(sharedHosts(listener, names)).toEqual(expected);
  });

  it('are below both', () => {
    const label = fc.constantFrom('a', 'b', '*');
    const name = fc
      .array(label, { minLength: 1, maxLength: 3 })
      .map((labels) =>
        [...labels.map((one, index) => (one === '*' && index > 0 ? 'c' : one)), 'test'].join('.'),
      );
    fc.assert(
      fc.property(name, name, (listener, route) => {
        const [shared] = sharedHosts(listener, [route]);
        const [mirrored] = sharedHosts(route, [listener]);
        expect(shared).toBe(mirrored);
        if (shared !== undefined) expect([listener, route]).toContain(shared);
      }),
    );
  });
});
