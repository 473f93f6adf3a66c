import { describe, expect, it } from '@jest/globals';
import { terminalJson, terminalLines, terminalText } from '../../../src/base/terminal-text.ts';

describe('text for a terminal', () => {
  it.each([
    ['clears no screen', 'a\u001b[2Jb', 'ab'],
    ['names no window', 'a\u001b]0;root@prod\u0007b', 'ab'],
    ['has no 8-bit control sequences', 'a\u009b2Jb', 'ab'],
    ['shows an escape without a sequence', 'a\u001b', 'a␛'],
    ['shows a bell', 'a\u0007b', 'a␇b'],
    ['shows a delete', 'a\u007fb', 'a␡b'],
    ['shows what has no sign as one that cannot be shown', 'a\u0085b', 'a\ufffdb'],
    ['keeps colours', '\u001b[1;31mred\u001b[0m', '\u001b[1;31mred\u001b[0m'],
    ['keeps tabs and carriage returns', 'a\tb\r50 %', 'a\tb\r50 %'],
    ['makes no sequence of what it leaves', '\u001b\u001b[31m[2J', '␛\u001b[31m[2J'],
  ])('%s', (_name, text, expected) => {
    expect(terminalText(text)).toBe(expected);
  });

  it('writes over no line of our own', () => {
    expect(terminalLines('main\rok\u0007\r\nnext')).toBe('main␍ok␇\r\nnext');
  });

  it('as JSON is the same data without control characters', () => {
    const data = { text: 'a~\u007f\u0080\u0085\u009f\u00a0\u001b' };
    const json = terminalJson(JSON.stringify(data));

    expect(json).toBe('{"text":"a~\\u007f\\u0080\\u0085\\u009f\u00a0\\u001b"}');
    expect(JSON.parse(json)).toEqual(data);
  });
});
