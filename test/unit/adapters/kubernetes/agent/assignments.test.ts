import { describe, expect, it } from '@jest/globals';
import { readAssignments } from '../../../../../src/adapters/kubernetes/agent/assignments.ts';

const none = Buffer.alloc(0);
const read = (text: string) => readAssignments({ output: Buffer.from(text), environment: none });

describe('outputs of a step', () => {
  it.each<[string, string, Record<string, string>]>([
    ['lines NAME=value', 'A=1\nB=x=y\n', { A: '1', B: 'x=y' }],
    ['an empty value', 'A=\n', { A: '' }],
    ['the last one of a name', 'A=1\nA=2', { A: '2' }],
    ['lines with export', 'export A=1\n', { A: '1' }],
    ['carriage returns', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['several lines', 'A<<END\none\ntwo=2\n\nEND\nB=2\n', { A: 'one\ntwo=2\n', B: '2' }],
    ['a value of no line', 'A<<END\nEND\n', { A: '' }],
    ['nothing of comments and blank lines', '# comment\n\n  \n  # another\nA=1', { A: '1' }],
  ])('takes %s', (_, text, values) => {
    expect(read(text)).toEqual({ outputs: values, environment: {} });
  });

  it.each<[string, string, string]>([
    [
      'a name with a dash',
      'A=1\nmy-key=1',
      'line 2 of $SLIPWAY_OUTPUT is not NAME=value: "my-key" cannot be a name',
    ],
    [
      'a name with a digit at its beginning',
      '1A=2',
      'line 1 of $SLIPWAY_OUTPUT is not NAME=value: "1A" cannot be',
    ],
    ['no name', '=x', 'line 1 of $SLIPWAY_OUTPUT is not NAME=value'],
    ['spaces around =', 'A = 1', 'line 1 of $SLIPWAY_OUTPUT is not NAME=value'],
    ['a line of a value that was not quoted', 'A=one\ntwo\n', 'line 2 of $SLIPWAY_OUTPUT is not NAME=value'],
    ['a value without its end', 'A<<END\none\n', 'line 1 of $SLIPWAY_OUTPUT: the value of A has no end'],
  ])('says which line is %s', (_, text, problem) => {
    expect(read(text).problems).toEqual([expect.stringContaining(problem)]);
  });

  it('shows nothing of what may be a secret', () => {
    const key = 'KEY=-----BEGIN\nMIIEvgIBADANBg0kqhkiG9w\nhunter2-==\nq2+/a9==\n-----END-----\n';

    const { problems = [] } = read(key);

    expect(problems).toEqual(
      [2, 3, 4, 5].map((line) => `line ${String(line)} of $SLIPWAY_OUTPUT is not NAME=value`),
    );
  });

  it('says five problems at most', () => {
    expect(read('x\n'.repeat(3000)).problems).toHaveLength(6);
    expect(read('x\n'.repeat(3000)).problems?.at(-1)).toBe('2995 more');
  });

  it('says when both files are too large, and when a variable is', () => {
    expect(readAssignments(undefined).problems).toEqual([
      '$SLIPWAY_OUTPUT and $SLIPWAY_ENV have more than 1 MiB',
    ]);
    const of = (bytes: number) =>
      readAssignments({ output: none, environment: Buffer.from(`A=${'x'.repeat(bytes)}`) });
    expect(of(131_069).problems).toBeUndefined();
    expect(of(131_070).problems).toEqual([
      'A in $SLIPWAY_ENV has more than the 128 KiB that an environment variable may have',
    ]);
  });
});
