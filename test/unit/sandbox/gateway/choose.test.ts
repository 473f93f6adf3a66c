import { describe, expect, it } from '@jest/globals';
import { createChooser } from '../../../../src/sandbox/gateway/choose.ts';
import type { RequestLine } from '../../../../src/sandbox/gateway/find-row.ts';
import type { RouteTable, Row, Share } from '../../../../src/sandbox/gateway/table.ts';

const share = (name: string, weight: number, addresses = [`${name}-1`]): Share => ({
  name,
  weight,
  filters: [],
  target: {
    state: 'known',
    endpoints: addresses.map((address) => ({ address, port: 80, podUid: undefined })),
  },
});
const row = (shares: Share[], more: Partial<Row> = {}): Row => ({
  match: { path: { type: 'PathPrefix', value: '/' }, headers: [], query: [] },
  filters: [],
  split: { key: 'route/0', shares },
  ...more,
});
const table = (...rows: Row[]): RouteTable => ({ hosts: new Map([['*', rows]]) });
const request = (headers: RequestLine['headers'] = {}): RequestLine => ({
  method: 'GET',
  host: 'shop.test',
  path: '/',
  query: new URLSearchParams(),
  headers,
});

function chosen(chooser: ReturnType<typeof createChooser>, headers = {}): string | number {
  const choice = chooser.choose(request(headers));
  if (choice.act === 'refuse') return choice.code;
  return choice.act === 'forward' ? choice.endpoint.address : choice.act;
}
const take = (chooser: ReturnType<typeof createChooser>, count: number, headers = {}): (string | number)[] =>
  Array.from({ length: count }, () => chosen(chooser, headers));

describe('the choice for a request', () => {
  it('goes through the ready pods of a share in turn', () => {
    const chooser = createChooser();
    chooser.use(table(row([share('a', 1, ['a-1', 'a-2'])])));

    expect(take(chooser, 4)).toEqual(['a-1', 'a-2', 'a-1', 'a-2']);
  });

  it('continues the turns by weight when pods come and go, and begins them anew with other weights', () => {
    const chooser = createChooser();
    const weights = (first: number, second: number): RouteTable =>
      table(row([share('a', first), share('b', second)]));
    chooser.use(weights(1, 4));
    expect(take(chooser, 2)).toEqual(['b-1', 'b-1']);

    chooser.use(weights(1, 4));
    expect(take(chooser, 3)).toEqual(['a-1', 'b-1', 'b-1']);

    chooser.use(weights(1, 1));
    expect(take(chooser, 2)).toEqual(['a-1', 'b-1']);
  });

  it('is refused with 404 without a route, 500 without a weight or a Service, 503 without ready pods', () => {
    const chooser = createChooser();
    expect(chosen(chooser)).toBe(404);
    chooser.use(table(row([share('a', 0)])));
    expect(chosen(chooser)).toBe(500);
    chooser.use(table(row([{ ...share('a', 1), target: { state: 'invalid', why: 'no such Service' } }])));
    expect(chosen(chooser)).toBe(500);
    chooser.use(table(row([share('a', 1, [])])));
    expect(chosen(chooser)).toBe(503);
  });
});
