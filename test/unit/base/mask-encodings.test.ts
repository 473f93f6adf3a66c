import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generateKeyPairSync } from 'node:crypto';
import { Masker, MaskedStream } from '../../../src/base/mask.ts';
import { secretForms } from '../../../src/base/secret-forms.ts';
import { cases } from '../../support/cases.ts';

function wrap(text: string, columns: number, between = '\n'): string {
  return (text.match(new RegExp(`.{1,${String(columns)}}`, 'g')) ?? []).join(between);
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const goJson = (text: string) =>
  JSON.stringify(text).replaceAll(
    /[<>&]/g,
    (sign) => `\\u00${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
const pythonJson = (text: string) =>
  JSON.stringify(text).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const inner = (quoted: string) => quoted.slice(1, -1);
const lowerHex = (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());

/** What other programs make of a secret. */
const encodings: Record<string, (secret: string) => string> = {
  itself: (secret) => secret,
  base64,
  'base64 in 76 columns': (secret) => wrap(base64(secret), 76),
  'base64 in 64 columns': (secret) => wrap(base64(secret), 64),
  'base64 in 7 indented columns': (secret) => wrap(base64(secret), 7, '\r\n      '),
  'wrapped base64 in JSON': (secret) => wrap(base64(secret), 76, String.raw`\n`),
  'URL-safe base64': (secret) => Buffer.from(secret).toString('base64url'),
  'a URL': (secret) => encodeURIComponent(secret),
  'a URL in lowercase': (secret) => lowerHex(encodeURIComponent(secret)),
  'a form': (secret) => inner(`?${new URLSearchParams([['', secret]]).toString().slice(1)}?`),
  'a form in lowercase': (secret) => lowerHex(new URLSearchParams([['', secret]]).toString().slice(1)),
  JSON: (secret) => inner(JSON.stringify(secret)),
  "Go's JSON": (secret) => inner(goJson(secret)),
  "Python's JSON": (secret) => inner(pythonJson(secret)),
  'JSON in JSON': (secret) => inner(JSON.stringify(inner(JSON.stringify(secret)))),
  'single quotes': (secret) => secret.replaceAll("'", String.raw`'\''`),
};

const secrets = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 200 }),
    fc.string({
      unit: fc.constantFrom(...Array.from('ab &<>\'"\\/+=%$`\n\t~*!é')),
      minLength: 4,
      maxLength: 60,
    }),
  )
  .filter((text) => Buffer.byteLength(text.trim()) >= 4 && text.isWellFormed());

function shown(secret: string, text: string, sizes: readonly number[]): string {
  const masker = new Masker();
  masker.add(Buffer.from(secret));
  const stream = new MaskedStream(masker);
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat([...pieces, stream.end()]).toString();
}

describe('masking of what programs make of a secret', () => {
  it.each(Object.keys(encodings))('never shows it as %s, however the stream is cut', (name) => {
    const encode = encodings[name]!;
    const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(secrets, sizes, (secret, cuts) => {
        const encoded = encode(secret);

        const text = shown(secret, `«${encoded}»`, cuts);

        expect(text).not.toContain(encoded);
        // What other secrets' forms hide may differ, what stands around it may not.
        expect(text.startsWith('«') && text.endsWith('»')).toBe(true);
      }),
      { numRuns: cases(150) },
    );
  });

  it.each([
    ['form', 'p&ss word+1', 'a=p%26ss+word%2B1&b', 'a=***&b'],
    ["Go's JSON", 'p&ss<word>1', String.raw`{"p":"p\u0026ss\u003cword\u003e1"}`, '{"p":"***"}'],
    ["Java's and .NET's JSON", "it's=a&b", String.raw`it\u0027s\u003da\u0026b it\u0027s=a\u0026b`, '*** ***'],
    ["PHP's JSON", 'a/b/c/d', String.raw`a\/b\/c\/d`, '***'],
    ["bash's set -x", "it's 4 horses", String.raw`+ curl 'it'\''s 4 horses'`, "+ curl '***'"],
    ["bash's set -x, control", "it's\ta horse", String.raw`+ curl $'it\'s\ta horse'`, "+ curl $'***'"],
    ["bash's set -x, C locale", 'pä\tss', String.raw`+ curl $'p\303\244\tss'`, "+ curl $'***'"],
    ["Python's shlex", "it's 4 horses", `'it'"'"'s 4 horses'`, "'***'"],
    ["bash's printf %q", "it's a $pony", String.raw`it\'s\ a\ \$pony`, '***'],
    ['double quotes', 'a"b$c`d', String.raw`"a\"b\$c\`d"`, '"***"'],
    ['URL-safe base64', '>>>???>>>???', 'Pj4-Pz8_Pj4-Pz8_', '***'],
    ["Python's quote", 'a/b c/d', 'a/b%20c/d', '***'],
    ["Go's QueryEscape", '~one *two', '~one+%2Atwo', '***'],
  ])('takes it out as %s', (_name, secret, text, expected) => {
    expect(shown(secret, text, [3])).toBe(expected);
  });

  it('takes out a private key however it is printed', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const body = key.split('\n').slice(1, -2);
    const printed = [
      key,
      key.replaceAll('\n', '\r\n'),
      key.replaceAll('\n', '\n    '),
      key.replaceAll('\n', String.raw`\n`),
      wrap(body.join(''), 76),
      wrap(base64(key), 76),
      wrap(base64(`user:${key}`), 64, '\n  '),
      body.join(''),
    ];

    for (const text of printed) {
      const left = shown(key, text, [1000, 17]);

      // Nothing of the key longer than what its first or last characters may share with text around it; the padding
      // of base64 has nothing of it.
      expect(
        left.replaceAll(/-----(?:BEGIN|END) PRIVATE KEY-----|\\n/g, '').replaceAll(/[*\s=]/g, '').length,
      ).toBeLessThan(10);
    }
  });

  it('takes out the strings of a JSON secret and the passwords in a dockerconfigjson', () => {
    const config = JSON.stringify({
      auths: {
        'registry.example.com': { username: 'robot', password: 'pw 1&2', auth: base64('robot:pw 1&2') },
        'other.example.com': { auth: base64('robot:correct-horse') },
      },
    });
    const text = `pw 1&2 pw+1%262 correct-horse ${base64('robot:pw 1&2')} robot registry.example.com`;

    expect(shown(config, text, [11])).toBe('*** *** *** *** robot registry.example.com');
    expect(shown(config, config, [11])).toBe('***');
  });

  it('leaves ordinary text alone when a secret is pretty-printed JSON', () => {
    const account = {
      type: 'service_account',
      private_key:
        '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n',
      universe: null,
      enabled: true,
      scopes: ['read', 'null'],
      nested: { pin: 'x' },
    };
    const secret = JSON.stringify(account, undefined, 2);
    const text =
      '{\n  "universe": null,\n  "enabled": true,\n  "scopes": [\n    "read",\n    "null"\n  ],\n}\nnull, true, [] private_key\n';

    expect(shown(secret, text, [50])).toBe(text);
    expect(shown(secret, 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', [50])).toBe('***');
    expect(shown(secret, 'service_account', [50])).toBe('***');
  });

  it('leaves short and ordinary lines of a secret alone', () => {
    const text = '{\nnull,\n-----BEGIN PRIVATE KEY-----\nusers:\n';

    expect(shown(`${text}password: correct-horse\n`, text, [9])).toBe(text);
  });

  it.each([
    ['short', 'abc', true],
    ['long enough', 'abcd', false],
    ['with a short line', 'correct-horse\nabc\n', true],
    ['a key, whose last line is short', 'QUJDREVGR0hJSktM\nQUI=\n', false],
    ['JSON with a short password', '{"password":"abc","user":"x"}', true],
    ['JSON with short strings that are none', '{"password":"abcdef","zone":"b"}', false],
    ['a short password in auth', `{"auths":{"r":{"auth":"${base64('robot:ab')}"}}}`, true],
  ])('reports a secret as weak or not: %s', (_name, secret, weak) => {
    expect(new Masker().add(Buffer.from(secret)).weak).toBe(weak);
  });

  it('takes out a secret of bytes that are no text', () => {
    const masker = new Masker();
    const secret = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x90]);
    masker.add(secret);
    const stream = new MaskedStream(masker);

    const text = Buffer.concat([stream.push(Buffer.concat([Buffer.from('<'), secret])), stream.end()]);

    expect(text.toString()).toBe('<***');
  });

  it('holds back little, however large a secret is and whatever follows its beginning', () => {
    const masker = new Masker();
    masker.add(Buffer.alloc(1_000_000, 'correct horse battery staple. '));
    const stream = new MaskedStream(masker);
    const beginning = Buffer.from(base64('correct horse battery staple. '.repeat(20)));

    for (const between of ['\n   \n  ', '\r\n\r\n', ' ', '\\n\\n', '\n\\n']) {
      stream.push(Buffer.concat([beginning, Buffer.from('\n')]));
      let shownBytes = 0;
      for (let i = 0; i < 1000; i += 1) shownBytes += stream.push(Buffer.from(between.repeat(20))).length;

      expect(shownBytes).toBeGreaterThan(between.length * 20_000 - 1000);
    }
  });

  it('takes out the lines of a secret of 16,000 lines', () => {
    const lines = Array.from({ length: 16_000 }, (_, i) => `${String((i + 1) * 7919 * 7919)}-key`);

    expect(shown(lines.join('\n'), `<${lines[9000]!}> <${base64(lines[70]!)}>`, [50_000])).toBe(
      '<***> <***>',
    );
  });

  it('takes out a secret of 16,000 lines that begin alike, printed whole', () => {
    const secret = Array.from({ length: 16_000 }, (_, i) => `key-${String(i * 7919)}`).join('\n');

    expect(shown(secret, `<${secret}>`, [65_536])).toBe('<***>');
  });

  it('keeps the forms of a secret of 1 MiB in proportion', () => {
    const line = (i: number) => `line "${String(i)}" <&'$> of a large secret, ${String(i * i)}`;
    const lines = Array.from({ length: 20_000 }, (_, i) => line(i)).join('\n');

    for (const secret of [lines, lines.replaceAll('\n', ' ')]) {
      const { plain, wrapped } = secretForms(Buffer.from(secret));
      const bytes = [...plain, ...wrapped].reduce((sum, { length }) => sum + length, 0);

      expect(bytes).toBeLessThan(13 * secret.length);
    }
  });

  it('takes out a large secret whole', () => {
    const secret = Array.from({ length: 30_000 }, (_, i) =>
      String.fromCharCode(33 + ((i * i * 7) % 90)),
    ).join('');

    expect(shown(secret, `<${secret}>`, [5000])).toBe('<***>');
  });
});
