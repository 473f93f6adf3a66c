import { describe, expect, it } from '@jest/globals';
import { secretParts } from '../../../src/base/secret-parts.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The parts of a secret without itself. */
function partsIn(secret: string): string[] {
  const [itself, ...parts] = secretParts(Buffer.from(secret)).parts.map(String);
  expect(itself).toBe(secret);
  return parts;
}

describe('parts of a secret', () => {
  it.each([
    ['a word', 'correct-horse', []],
    ['a word of four letters', 'abcd', []],
    ['blanks around it', '\t correct-horse \n', ['correct-horse']],
    ['a short word with blanks around it', ' abc ', []],
    ['words', 'correct horse battery', []],
    ['a login', 'ci:hunter22', ['hunter22']],
    ['a login with colons in the password', 'ci:hunter:22', ['hunter:22']],
    ['a login with a short password', 'ci:hunter2', []],
    ['a URL', 'https://example.com', []],
    ['a colon in front', ':hunter22', []],
    ['a colon at the end', 'hunter22:', []],
    ['a name of two words', 'a ci:hunter22', []],
    ['a password of two words', 'ci:hunter22 x', []],
  ])('of text: %s', (_name, secret, parts) => {
    expect(partsIn(secret)).toEqual(parts);
  });

  it.each([
    ['lines', 'first-line\nsecond-line', ['first-line\r\nsecond-line', 'first-line', 'second-line']],
    [
      'lines with carriage returns',
      'first-line\r\nsecond-line',
      ['first-line\nsecond-line', 'first-line', 'second-line'],
    ],
    [
      'lines with carriage returns alone',
      'first-line\rsecond-line',
      ['first-line\nsecond-line', 'first-line\r\nsecond-line', 'first-line', 'second-line'],
    ],
    [
      'a line feed at the end',
      'first-line\nsecond-line\n',
      ['first-line\nsecond-line', 'first-line\r\nsecond-line', 'first-line', 'second-line'],
    ],
    [
      'indented and empty lines',
      'a-line-1\n\n  a-line-2',
      ['a-line-1\r\n\r\n  a-line-2', 'a-line-1', 'a-line-2'],
    ],
    ['short lines', 'a-line-1\nline-2.', ['a-line-1\r\nline-2.', 'a-line-1']],
    [
      'a login in lines, which is none',
      'ci:hunter22\nci:hunter23',
      ['ci:hunter22\r\nci:hunter23', 'ci:hunter22', 'ci:hunter23'],
    ],
  ])('of several lines: %s', (_name, secret, parts) => {
    expect(partsIn(secret)).toEqual(parts);
  });

  it.each([
    [
      'of a key',
      '-----BEGIN RSA PRIVATE KEY 2-----\nQUJD\nREVG\n-----END RSA PRIVATE KEY 2-----',
      ['QUJDREVG'],
    ],
    ['without borders', 'QU+/\nREU=', ['QU+/REU=']],
    ['with two signs of padding', '0189\nRA==', ['0189RA==']],
    ['with empty and indented lines', 'QUJD\n\n  REVG', ['QUJDREVG']],
    ['of one line', '-----BEGIN KEY-----\nQUJDREVG\n-----END KEY-----', []],
    ['beside another line', 'QUJD\nREVG\n#', []],
    ['with too much padding', 'QUJD\nQ===', []],
    ['with padding in front', 'QUJD\n=QUJ', []],
    ['beside a word in front', '# QUJD\nREVG', []],
    ['beside a border with text in front', 'x-----BEGIN KEY-----\nQUJD\nREVG', []],
    ['beside a border with text behind', '-----BEGIN KEY-----x\nQUJD\nREVG', []],
    ['beside a border in lowercase', '-----BEGIN key-----\nQUJD\nREVG', []],
    ['beside a border of nothing', '-----BEGIN -----\nQUJD\nREVG', []],
  ])('base64 in lines, as one line: %s', (_name, secret, wrapped) => {
    expect(secretParts(Buffer.from(secret)).wrapped).toEqual(wrapped);
  });

  it('leaves the borders of a key out', () => {
    expect(partsIn('-----BEGIN KEY-----\nQUJDREVG').at(-1)).toBe('QUJDREVG');
  });

  it.each([
    ['strings', '{"zone": "europe-1", "x": {"y": ["europe-2"]}}', ['europe-1', 'europe-2']],
    ['short strings', '{"zone": "europe1", "x": "b"}', []],
    ['numbers and the like', '{"a": 12345678, "b": true, "c": null}', []],
    ['an array', '["europe-1", "europe1"]', ['europe-1']],
    ['a string', '"europe-1"', ['europe-1']],
    ['blanks around it', ' ["europe-1"]\n', ['["europe-1"]', 'europe-1']],
    [
      'lines in a string',
      '{"key": "a-line-1\\na-line-2"}',
      ['a-line-1\na-line-2', 'a-line-1\r\na-line-2', 'a-line-1', 'a-line-2'],
    ],
    ['JSON in a string', '["[\\"europe-1\\"]"]', ['["europe-1"]', 'europe-1']],
    ['a login in a string', '["ci:hunter22"]', ['ci:hunter22', 'hunter22']],
    ['what is no JSON', '{zone: europe-1}', []],
    ['JSON behind a word', 'x["europe-1"]', []],
    ['a number', '1234567890', []],
  ])('of JSON: %s', (_name, secret, parts) => {
    expect(partsIn(secret)).toEqual(parts);
  });

  it.each([
    'password',
    'PASSPHRASE',
    'client_secret',
    'token',
    'authToken',
    'credentials',
    'private',
    'PWD',
    'pin',
    'api_key',
    'Key',
  ])('a short string in JSON by a name that is sensitive: %s', (name) => {
    expect(partsIn(JSON.stringify({ [name]: 'wxyz' }))).toEqual(['wxyz']);
    expect(partsIn(JSON.stringify({ [name]: ['wxyz'] }))).toEqual(['wxyz']);
  });

  it.each(['spinner', 'pins', 'spin', 'keys', 'zone', ''])(
    'no short string in JSON by another name: %s',
    (name) => {
      expect(partsIn(JSON.stringify({ [name]: 'wxyz' }))).toEqual([]);
    },
  );

  it.each(['username', 'User', 'email', 'registry', 'server', 'serveraddress'])(
    'no string in JSON by a name that is open: %s',
    (name) => {
      expect(partsIn(JSON.stringify({ [name]: 'europe-1' }))).toEqual([]);
      expect(partsIn(JSON.stringify({ [`${name}x`]: 'europe-1', [`x${name}`]: 'europe-2' }))).toEqual([
        'europe-1',
        'europe-2',
      ]);
    },
  );

  it('the login in the auth of a dockerconfigjson, and its password', () => {
    const auth = base64('robot:wx:z');

    expect(partsIn(JSON.stringify({ auth }))).toEqual([auth, 'wx:z', 'robot:wx:z']);
    expect(partsIn(JSON.stringify({ login: auth }))).toEqual([auth]);
    expect(partsIn(JSON.stringify({ auth: base64(':correct') }))).toEqual([
      base64(':correct'),
      'correct',
      ':correct',
    ]);
    expect(partsIn(JSON.stringify({ auth: base64('rob:xyz') }))).toEqual([base64('rob:xyz')]);
  });

  it('no login in an auth without a colon', () => {
    expect(partsIn(JSON.stringify({ auth: base64('correct-horse') }))).toEqual([base64('correct-horse')]);
  });

  it('of JSON that is not too long to be read', () => {
    const json = (bytes: number) => `["europe-1"${' '.repeat(bytes - 12)}]`;

    expect(partsIn(json(1024 * 1024))).toEqual(['europe-1']);
    expect(partsIn(json(1024 * 1024 + 1))).toEqual([]);
  });

  it.each([
    ['nothing', '', false],
    ['one letter', 'a', true],
    ['three letters', 'abc', true],
    ['four letters', 'abcd', false],
    ['three letters and a line feed, as `echo` writes', 'abc\n', true],
    ['three letters of two bytes', 'äöü', false],
    ['a login', 'ci:hunter22', false],
    ['a login with a short password', 'ci:hunter2', true],
    ['a line of eight letters', 'correct-horse\na-line-1', false],
    ['a line of seven letters', 'correct-horse\na-line1', true],
    ['one short line in a key', '-----BEGIN KEY-----\nQUJD\n-----END KEY-----', true],
    ['short lines of base64', 'QUJD\nREVG', false],
    ['a sensitive string of JSON of no letters', '{"password":""}', false],
    ['a sensitive string of JSON of one letter', '{"password":"a"}', true],
    ['a sensitive string of JSON of three letters', '{"password":"abc"}', true],
    ['a sensitive string of JSON of four letters', '{"password":"abcd"}', false],
    ['another string of JSON', '{"zone":"abc"}', false],
    ['an auth without a password', JSON.stringify({ auth: base64('robot:') }), false],
    ['an auth with a password of one letter', JSON.stringify({ auth: base64('robot:a') }), true],
    ['an auth with a password of three letters', JSON.stringify({ auth: base64('robot:abc') }), true],
    ['an auth of a password of three letters', JSON.stringify({ auth: base64(':abc') }), true],
    ['an auth of a password of four letters', JSON.stringify({ auth: base64(':abcd') }), false],
    ['an auth with a password of eight letters', JSON.stringify({ auth: base64('robot:abcdefgh') }), false],
  ])('are weak or not: %s', (_name, secret, weak) => {
    expect(secretParts(Buffer.from(secret)).weak).toBe(weak);
  });

  it('are weak when a secret is three bytes that are no text', () => {
    expect(secretParts(Buffer.from([0xff, 0xfe, 0x80])).weak).toBe(true);
    expect(secretParts(Buffer.from([0xff, 0xfe, 0x80, 0x81])).weak).toBe(false);
  });
});
