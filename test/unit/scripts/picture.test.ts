import { describe, expect, it } from '@jest/globals';
import { framesToSvg } from '../../../scripts/picture/svg.ts';

const screen = { columns: 40, rows: 2, restMs: 1000 };

describe('the picture of a terminal', () => {
  it('keeps its spaces in viewers that collapse white space', () => {
    const text = '  NAME   READY <a & b>';
    const line = [{ column: 0, text, colour: undefined, bold: false, dim: false }];

    const svg = framesToSvg([{ atMs: 0, lines: [line] }], screen);

    const drawn = [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, content = '']) => content);
    expect(drawn).toEqual(['\u00a0\u00a0NAME\u00a0\u00a0\u00a0READY\u00a0&lt;a\u00a0&amp;\u00a0b&gt;']);
  });
});
