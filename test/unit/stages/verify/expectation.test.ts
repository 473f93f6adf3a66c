import { describe, expect, it } from '@jest/globals';
import type { HttpAnswer } from '../../../../src/probes/ask-http.ts';
import { unmet, valueAt } from '../../../../src/stages/verify/expectation.ts';
import type { HttpExpectation } from '../../../../src/stages/verify/settings.ts';

const answer = (change: Partial<HttpAnswer> = {}): HttpAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"status":"ok","items":[{"id":7}],"a.b":{"c":null}}',
  ...change,
});

describe('unmet', () => {
  it.each<[string, HttpExpectation]>([
    ['any 2xx by itself', {}],
    ['a status', { status: 200 }],
    ['a class of statuses', { status: '2xx' }],
    ['one of several', { status: [404, '2xx'] }],
    ['a part of the body', { body: '"status":"ok"' }],
    ['a pattern of the body', { body: { matches: '"id":\\d' } }],
    ['a header, whatever its case', { headers: { 'Content-Type': 'json' } }],
    [
      'values at paths',
      { json: { status: 'ok', 'items[0].id': 7, '$.items': [{ id: 7 }], '["a.b"].c': null } },
    ],
  ])('is nothing for %s', (_what, expected) => {
    expect(unmet(answer(), expected)).toBeUndefined();
  });

  it.each<[HttpExpectation, Partial<HttpAnswer>, string]>([
    [{ status: 200 }, { status: 503, body: 'down' }, 'expected status 200, got 503 with body "down"'],
    [{}, { status: 301, body: '' }, 'expected status 2xx, got 301 with an empty body'],
    [{ body: 'v2' }, { body: 'v1\n' }, 'expected a body with "v2", got "v1"'],
    [{ body: { matches: '^v2$' } }, { body: 'v1' }, 'expected a body that matches /^v2$/, got "v1"'],
    [{ headers: { 'x-a': '1' } }, {}, 'expected header x-a with "1", got none'],
    [
      { headers: { 'content-type': 'html' } },
      {},
      'expected header content-type with "html", got "application/json"',
    ],
    [{ json: { status: 'up' } }, {}, 'expected status to be "up", got "\\"ok\\""'],
    [
      { json: { 'items[1].id': 8 } },
      { body: '{"items":[]}' },
      'expected items[1].id to be 8, got nothing there in "{\\"items\\":[]}"',
    ],
    [{ json: { status: 'ok' } }, { body: 'no' }, 'expected a JSON body, got "no"'],
  ])('tells what was expected and what was got: %j', (expected, change, message) => {
    expect(unmet(answer(change), expected)).toBe(message);
  });

  it('tells a long body shortly', () => {
    expect(unmet(answer({ status: 500, body: 'x'.repeat(100_000) }), {})?.length).toBeLessThan(300);
  });

  it('reads no further than own properties', () => {
    expect(valueAt({}, 'constructor')).toBeUndefined();
    expect(valueAt([1], 'length')).toBe(1);
  });
});
