/** What a form of YAML is in JSON: a value, or refused. */
export interface YamlForm {
  /** A manifest, from its fourth line on; the first three are those of {@link manifestOf}. */
  text: string;
  /** The fields that the text adds. */
  json?: Record<string, unknown>;
  /** A refusal of ours; kubectl's says the same in its own words. */
  refused?: RegExp;
  /** kubectl takes it: we say what it would do silently. */
  onlyOurs?: true;
}

/** The form as a whole manifest. */
export function manifestOf({ text }: YamlForm, name = 'a'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${text}\n`;
}

const values: readonly [text: string, json: unknown][] = [
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True', 'TRUE'].map(
    (text): [string, unknown] => [text, true],
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'].map(
    (text): [string, unknown] => [text, false],
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((text): [string, unknown] => [text, null]),
  // Words that only look like those.
  ...['tRUE', 'yES', 'oFF', 'nULL', 'inf', 'nan', 'Infinity', '=', '<<', '+', '.', '-.', '1e', 'e3'].map(
    (text): [string, unknown] => [text, text],
  ),
  // Octal numbers, in both forms, and what only looks like one.
  ['0644', 420],
  ['0o644', 420],
  ['0O644', 420],
  ['-0644', -420],
  ['+0644', 420],
  ['0_7', 7],
  ['00', 0],
  ['08', 8],
  ['0888', 888],
  ['012345678', 12_345_678],
  ['0o8', '0o8'],
  ['0o', '0o'],
  // Other bases.
  ['0x1F', 31],
  ['0X1f', 31],
  ['-0x1f', -31],
  ['0x_1f', 31],
  ['0xg', '0xg'],
  ['0x', '0x'],
  ['0b101', 5],
  ['0B101', 5],
  ['-0b1', -1],
  ['0b1_0', 2],
  ['0b2', '0b2'],
  // Decimal numbers.
  ['0', 0],
  ['-0', 0],
  ['+1', 1],
  ['1_000', 1000],
  ['1__0', 10],
  ['1_', 1],
  ['_1', '_1'],
  ['1,000', '1,000'],
  ['1.2.3', '1.2.3'],
  ['1.', 1],
  ['1.0', 1],
  ['1.10', 1.1],
  ['.5', 0.5],
  ['-.5', -0.5],
  ['.5e1', 5],
  ['1_0.5', 10.5],
  ['1e3', 1000],
  ['1E3', 1000],
  ['1.5e+3', 1500],
  ['1e-7', 1e-7],
  ['1e400', '1e400'],
  ['9007199254740991', 9_007_199_254_740_991],
  ['18446744073709551615', 2 ** 64],
  ['123456789012345678901234567890', JSON.parse('1.2345678901234568e+29')],
  // Neither the base of 60 nor dates.
  ...['60:30', '12:30:45', '1:60', '190:20:30.15', '2001-12-14', '2026-11-29T10:00:00Z', '2001-1-1'].map(
    (text): [string, unknown] => [text, text],
  ),
  // Quotes, blocks and tags.
  ['"yes"', 'yes'],
  ["'0644'", '0644'],
  ['!!str yes', 'yes'],
  ['!!str 0644', '0644'],
  ['!!str', ''],
  ['!!int "12"', 12],
  ['!!float 1', 1],
  ['!!bool "yes"', true],
  ['!!binary aGVsbG8=', 'hello'],
  ['!!timestamp 2001-12-14', '2001-12-14'],
  ['!custom 12', '12'],
  ['!!set { a, b }', { a: null, b: null }],
  ['!!omap [a: 1]', [{ a: 1 }]],
  ['!foo { a: yes, b: [no, 010] }', { a: true, b: [false, 8] }],
  ['|\n    no', 'no\n'],
  ['06\n    44', '06 44'],
];

/** How kubectl reads the forms of YAML: of `kubectl create --dry-run=client`, which the conformance tests ask again. */
export const yamlForms: readonly YamlForm[] = [
  ...values.map(([text, json]) => ({ text: `spec:\n  v: ${text}`, json: { spec: { v: json } } })),
  ...['.inf', '-.inf', '+.INF', '.nan', '.NaN'].map((text) => ({
    text: `spec: { v: ${text} }`,
    refused: /4:12: .*not a number that JSON has/,
  })),
  { text: 'spec: { v: !!null x }', refused: /4:19: .*not a !!null/ },
  { text: 'spec: { v: !!binary "***" }', refused: /4:21: .*not base64/ },
  ...['9007199254740993', '-9223372036854775807', '0x7fffffffffffffff'].map((text) => ({
    text: `spec: { v: ${text} }`,
    refused: /4:12: .*would be rounded/,
    onlyOurs: true as const,
  })),
  // Keys.
  {
    text: 'spec: { 1: a, yes: b, 0x10: c, 1.50: d, 2001-12-14: e, 1e3: f, 010: g, .5: h, n: i, "no": j }',
    json: {
      spec: {
        1: 'a',
        true: 'b',
        16: 'c',
        '1.5': 'd',
        '2001-12-14': 'e',
        1000: 'f',
        8: 'g',
        '0.5': 'h',
        false: 'i',
        no: 'j',
      },
    },
  },
  {
    text: 'spec: { 1e5: a, 1e6: b, 1234567.0: c, 123456789.5: d, 3.14159265: e, 0.0001: f, 0.00001: g, .inf: i, -0.0: j }',
    json: {
      spec: {
        ...{ 100000: 'a', '1e+06': 'b', '1.234567e+06': 'c', '1.2345679e+08': 'd', '3.1415927': 'e' },
        ...{ '0.0001': 'f', '1e-05': 'g', '.inf': 'i', '-0': 'j' },
      },
    },
  },
  { text: 'spec: { ~: a }', refused: /4:9: .*key is missing/ },
  { text: 'spec: { { a: 1 }: b }', refused: /4:9: .*key must be plain text/ },
  { text: 'x: &x foo\nspec: { *x : bar }', json: { x: 'foo', spec: { foo: 'bar' } } },
  { text: 'spec: { a: "1", b: "2", a: "3" }', json: { spec: { a: '3', b: '2' } } },
  { text: 'spec: { __proto__: { a: 1 } }', json: { spec: JSON.parse('{"__proto__": {"a": 1}}') as unknown } },
  // Merge keys, in the order in which they stand.
  { text: 'x: &x { a: 1, b: 2 }\nspec: { <<: *x, a: 9 }', json: { x: { a: 1, b: 2 }, spec: { a: 9, b: 2 } } },
  { text: 'x: &x { a: 1, b: 2 }\nspec: { a: 9, <<: *x }', json: { x: { a: 1, b: 2 }, spec: { a: 1, b: 2 } } },
  {
    text: 'x: &x { a: 1 }\nz: &z { a: 3, c: 4 }\nspec: { <<: [*x, *z], d: 5 }',
    json: { x: { a: 1 }, z: { a: 3, c: 4 }, spec: { a: 1, c: 4, d: 5 } },
  },
  {
    text: 'x: &x { a: 1 }\nz: &z { <<: *x, c: 4 }\nspec:\n  <<: *x\n  <<: *z\n  <<: { e: 6 }',
    json: { x: { a: 1 }, z: { a: 1, c: 4 }, spec: { a: 1, c: 4, e: 6 } },
  },
  { text: 'x: &x { a: 1 }\nspec: { "<<": *x }', json: { x: { a: 1 }, spec: { '<<': { a: 1 } } } },
  { text: 'spec: { <<: 3 }', refused: /4:13: .*"<<" needs an object/ },
  { text: 'spec: { <<: , b: 2 }', refused: /4:\d+: .*"<<" needs an object/ },
  // Aliases.
  { text: 'x: &x 1\nw: *x\nz: &x 2\nspec: *x', json: { x: 1, w: 1, z: 2, spec: 2 } },
  {
    text: `x: &x { a: b }\nspec: [${Array(5000).fill('*x').join(', ')}]`,
    json: { x: { a: 'b' }, spec: Array(5000).fill({ a: 'b' }) },
  },
  { text: 'x: &x [*x]', refused: /4:8: .*holds itself/ },
  { text: 'x: &x { <<: *x }', refused: /4:13: .*holds itself/ },
  { text: 'spec: *y', refused: /4:7: .*no anchor &y/ },
];
