import { describe, expect, it } from '@jest/globals';
import { parseAssignments } from '../../../../../src/adapters/kubernetes/agent/assignments.ts';

describe('outputs of a step', () => {
  it.each<[string, string, Record<string, string>]>([
    ['lines NAME=value', 'A=1\nB=x=y\n', { A: '1', B: 'x=y' }],
    ['an empty value', 'A=\n', { A: '' }],
    ['the last one of a name', 'A=1\nA=2', { A: '2' }],
    ['lines with export', 'export A=1\n', { A: '1' }],
    ['carriage returns', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['several lines', 'A<<END\none\ntwo\nEND\nB=2\n', { A: 'one\ntwo', B: '2' }],
    ['nothing of other lines', '# comment\n\n=x\n1A=2\n', {}],
    ['no value without its end', 'A<<END\none\n', {}],
  ])('takes %s', (_, text, values) => {
    expect(parseAssignments(text)).toEqual(values);
  });
});
