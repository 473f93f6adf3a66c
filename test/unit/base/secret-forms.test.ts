import { describe, expect, it } from '@jest/globals';
import { secretForms } from '../../../src/base/secret-forms.ts';

function formsOf(secret: string): { plain: string[]; wrapped: string[] } {
  const { plain, wrapped } = secretForms(Buffer.from(secret));
  return { plain: plain.map((form) => Buffer.from(form, 'latin1').toString()), wrapped };
}

const { raw } = String;

describe('forms of a secret', () => {
  it('are no more than itself and its base64, when no writer escapes it', () => {
    expect(formsOf('abcdefgh')).toEqual({
      plain: ['abcdefgh'],
      wrapped: ['YWJjZGVmZ2g=', 'YWJjZGVmZ2g', 'YWJjZGVmZ2', 'FiY2RlZmdo', 'hYmNkZWZna'],
    });
  });

  it('are no piece of its base64 that is shorter than eight characters', () => {
    expect(formsOf('abcdefg').wrapped).toEqual([
      'YWJjZGVmZw==',
      'YWJjZGVmZw',
      'YWJjZGVmZ',
      'FiY2RlZm',
      'hYmNkZWZn',
    ]);
    expect(formsOf('abcdef').wrapped).toEqual(['YWJjZGVm']);
    expect(formsOf('abcde').wrapped).toEqual(['YWJjZGU=', 'YWJjZGU']);
  });

  it('are its base64 in both alphabets, at each alignment', () => {
    expect(formsOf('~~~???~~~???').wrapped).toEqual([
      'fn5+Pz8/fn5+Pz8/',
      'fn5-Pz8_fn5-Pz8_',
      '5+fj8/P35+fj8/P',
      '5-fj8_P35-fj8_P',
      '+fn4/Pz9+fn4/Pz',
      '-fn4_Pz9-fn4_Pz',
    ]);
  });

  it.each([
    ["JavaScript's encodeURIComponent", "it's (a) *~!/?", "it's%20(a)%20*~!%2F%3F"],
    ["JavaScript's encodeURI", "it's (a) *~!/?&", "it's%20(a)%20*~!/?&"],
    ["JavaScript's URLSearchParams", "it's *~!/-_.", 'it%27s+*%7E%21%2F-_.'],
    ['URLSearchParams, with %20', "it's *~!/", 'it%27s%20*%7E%21%2F'],
    ['URLSearchParams, with ~', "it's *~!/ ~", 'it%27s+*~%21%2F+~'],
    ['RFC 3986', "it's (a) *~!/", 'it%27s%20%28a%29%20%2A~%21%2F'],
    ["Go's QueryEscape", "it's (a) *~!/", 'it%27s+%28a%29+%2A~%21%2F'],
    ["Go's PathEscape", "it's $&+:=@/;, ~*$&+:=@", 'it%27s%20$&+:=@%2F%3B%2C%20~%2A$&+:=@'],
    ["Python's quote", "it's (a) *~!/ /", 'it%27s%20%28a%29%20%2A~%21/%20/'],
    ['older writers', "it's *~!/ ~", 'it%27s%20%2A%7E%21%2F%20%7E'],
    ['encodeURIComponent, in lowercase', "it's /é<", "it's%20%2f%c3%a9%3c"],
    ['encodeURI, in lowercase', 'a/b é<[', 'a/b%20%c3%a9%3c%5b'],
    ['URLSearchParams, in lowercase', "it's *~!/é", 'it%27s+*%7e%21%2f%c3%a9'],
    ["Go's QueryEscape, in lowercase", "it's *~!/é", 'it%27s+%2a~%21%2f%c3%a9'],
    ['encodeURIComponent, of letters beyond ASCII', 'pä€😀', 'p%C3%A4%E2%82%AC%F0%9F%98%80'],
  ])('are those that URLs give it: %s', (_writer, secret, form) => {
    expect(formsOf(secret).plain).toContain(form);
  });

  it.each([
    ['JavaScript', `"a\\b"/<é\n\u2028'=`, raw`\"a\\b\"/<é\n` + `\u2028'=`],
    ['Go', `"<a>&"/\u2028\u2029é'=\n`, raw`\"\u003ca\u003e\u0026\"/\u2028\u2029é'=\n`],
    ['Python', '"é"/<€😀~ \u007f', raw`\"\u00e9\"/<\u20ac\ud83d\ude00~ \u007f`],
    ['ASCII with HTML left out', `"é"/<a>&'`, raw`\"\u00e9\"/\u003ca\u003e\u0026'`],
    ['Gson', `"é"/<a>&'='`, raw`\"é\"/\u003ca\u003e\u0026\u0027\u003d\u0027`],
    ['.NET', '"é"/<a>&\'+`= "', raw`\u0022\u00e9\u0022/\u003ca\u003e\u0026\u0027\u002b\u0060= \u0022`],
    ['the same with quotes', '"é"/<a>&\'+`= "', raw`\"\u00e9\"/\u003ca\u003e\u0026\u0027\u002b\u0060= \"`],
    ['PHP', '"é/<a/', raw`\"\u00e9\/<a\/`],
    ['PHP with slashes alone', '"é/<a/', raw`\"é\/<a\/`],
    ['Python in uppercase', 'é/<ÿ€', raw`\u00E9/<\u00FF\u20AC`],
    ['Go in uppercase', 'é/<a>', raw`é/\u003Ca\u003E`],
    ['.NET in uppercase', '"é"/<+', raw`\u0022\u00E9\u0022/\u003C\u002B`],
    ['PHP in uppercase', 'é/<a/', raw`\u00E9\/<a\/`],
    ['JavaScript in JSON', '"a\\b"/<é', raw`\\\"a\\\\b\\\"/<é`],
    ['Go in JSON', '"<é', raw`\\\"\\u003cé`],
    ['PHP in JSON', '"/é', raw`\\\"\\/\\u00e9`],
  ])('are those that JSON gives it: %s', (_writer, secret, form) => {
    expect(formsOf(secret).plain).toContain(form);
  });

  it.each([
    ['in single quotes', `it's 'a'`, raw`it'\''s '\''a'\''`],
    ["Python's shlex", `it's 'a'`, `it'"'"'s '"'"'a'"'"'`],
    ['in double quotes', 'a\\b"$c`\' d', raw`a\\b\"\$c` + "\\`' d"],
    ["bash's printf %q", `it's a&b;_@%+=:,./-é€\uffff`, raw`it\'s\ a\&b\;_@%+=:,./-é€` + '\uffff'],
    ["bash's printf %q, older", `it's a,b`, raw`it\'s\ a\,b`],
    ['a line feed', "it's\na", raw`it\'s\na`],
    ['control characters', '\r\t\u0007\b\f\v\u001b\\', raw`\r\t\a\b\f\v\E` + '\\\\'],
    ['other control characters', 'ab\u0001\u001f\u007fé', raw`ab\001\037\177é`],
    ['the C locale', 'ab\té€~ \u007f', raw`ab\t\303\251\342\202\254~ \177`],
  ])('are those that shells give it: %s', (_writer, secret, form) => {
    expect(formsOf(secret).plain).toContain(form);
  });

  it('of bytes that are no text are these bytes, and their base64', () => {
    const { plain, wrapped } = secretForms(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x90, 0xff]));

    expect(plain).toContain('\u00ff\u00fe\u0000\u0080\u0090\u00ff');
    expect(wrapped).toEqual(expect.arrayContaining(['//4AgJD/', '__4AgJD_']));
  });

  it('are those of each part, and base64 in lines as one line', () => {
    const { plain, wrapped } = formsOf('QUJDREVGR0hJ\nSktM\n');

    expect(plain).toContain('QUJDREVGR0hJ');
    expect(wrapped).toContain('QUJDREVGR0hJSktM');
  });

  it('are none shorter than four characters', () => {
    const { plain, wrapped } = formsOf('a\nb\nc');

    expect([...plain, ...wrapped].filter((form) => form.length < 4)).toEqual([]);
  });

  it.each([
    ['abc', true],
    ['abcd', false],
  ])('tell whether the secret is weak: %s', (secret, weak) => {
    expect(secretForms(Buffer.from(secret)).weak).toBe(weak);
    expect(secretForms(Buffer.from(`${'long line\n'.repeat(2000)}${secret}`)).weak).toBe(true);
  });
});

/** Text without a repetition: each piece is another. */
const text = (length: number) =>
  Array.from({ length: Math.ceil(length / 6) }, (_, index) => `${String(index).padStart(5, '0')} `)
    .join('')
    .slice(0, length);

describe('forms of a long secret', () => {
  it.each([4096, 4097, 8192, 10_000])('are searched for in pieces of 4096 bytes: of %d bytes', (length) => {
    const secret = text(length);

    const { plain } = formsOf(secret);

    const pieces = plain.filter((form) => secret.includes(form));
    const wanted = [0, 4096, 8192]
      .filter((at) => at + 4096 < length)
      .map((at) => secret.slice(at, at + 4096));
    expect(pieces).toEqual([...wanted, secret.slice(-4096)]);
  });

  it('are all up to 16 KiB, and few from there on', () => {
    const url = (length: number) => formsOf(text(length)).plain.filter((form) => form.startsWith('00000%20'));

    expect(url(16 * 1024).length).toBeGreaterThan(0);
    expect(url(16 * 1024 + 1)).toEqual([]);
  });

  it('are itself, and of each line JSON and the base64 that begins with it, above 16 KiB', () => {
    const line = (index: number) => `<line "${String(index).padStart(5, '0')}" é?? ~~>`;
    const secret = Array.from({ length: 1000 }, (_, index) => line(index)).join('\n');

    const { plain, wrapped } = formsOf(secret);

    expect(secretForms(Buffer.from(secret)).plain).toContain(Buffer.from(secret).toString('latin1', 0, 4096));
    expect(wrapped).toContain(Buffer.from(secret).toString('base64').slice(0, 4096));
    expect(plain.filter((form) => form.includes('00500') && form.length < 100)).toEqual([
      line(500),
      raw`<line \"00500\" é?? ~~>`,
    ]);
    expect(plain.filter((form) => /%3C|\\[nu']/.test(form))).toEqual([]);
    const base64 = 'PGxpbmUgIjAwNTAwIiDDqT8/IH5+Pg';
    expect(wrapped.filter((form) => form.startsWith('PGxpbmUgIjAwNTAwI') && form.length < 100)).toEqual([
      `${base64}==`,
      'PGxpbmUgIjAwNTAwIiDDqT8_IH5-Pg==',
      base64,
      'PGxpbmUgIjAwNTAwIiDDqT8_IH5-Pg',
      base64.slice(0, -1),
      'PGxpbmUgIjAwNTAwIiDDqT8_IH5-P',
    ]);
  });

  it('are the base64 of lines of base64 as one line, above 16 KiB', () => {
    const line = 'QUJDREVGR0hJSktMTU5P';

    const { wrapped } = formsOf(`${line}\n`.repeat(1000));

    expect(wrapped).toContain(line.repeat(1000).slice(0, 4096));
  });

  it('are its JSON above 16 KiB, when it is one line', () => {
    expect(
      formsOf(`"quoted" ${text(17_000)}`).plain.some((form) => form.startsWith(raw`\"quoted\" 00000`)),
    ).toBe(true);
  });

  it('are no piece of base64 that is shorter than eight characters, above 16 KiB', () => {
    const base64 = (password: string) => {
      const { wrapped } = formsOf(JSON.stringify({ password, zone: text(17_000) }));
      return wrapped.filter((form) => form.startsWith('YWJjZG'));
    };

    expect(base64('abcde')).toEqual(['YWJjZGU=', 'YWJjZGU']);
    expect(base64('abcdefg')).toEqual(['YWJjZGVmZw==', 'YWJjZGVmZw', 'YWJjZGVmZ']);
  });
});
