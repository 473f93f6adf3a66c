import { describe, expect, it } from '@jest/globals';
import { joinLines } from '../../../src/base/joined-lines.ts';

/** The joined text, and where each of its characters and its end stood. */
function joined(data: string): { text: string; positions: number[] } {
  const lines = joinLines(Buffer.from(data, 'latin1'));
  return {
    text: lines.bytes.toString('latin1'),
    positions: Array.from({ length: lines.bytes.length + 1 }, (_, index) => lines.positionOf(index)),
  };
}

const blanks = (count: number) => ' '.repeat(count);

describe('lines joined', () => {
  it.each([
    ['a line feed', 'QUJD\nREVG', 'QUJDREVG'],
    ['several', 'QU\nJD\nRE\nVG', 'QUJDREVG'],
    ['a carriage return and a line feed', 'QUJD\r\nREVG', 'QUJDREVG'],
    ['an indentation', 'QUJD\n  \t REVG', 'QUJDREVG'],
    ['the longest indentation', `QUJD\n${blanks(64)}REVG`, 'QUJDREVG'],
    ['a line feed in letters', String.raw`QUJD\nREVG`, 'QUJDREVG'],
    ['both in letters', String.raw`QUJD\r\nREVG`, 'QUJDREVG'],
    ['several in letters', String.raw`QU\nJD\nRE\r\nVG`, 'QUJDREVG'],
    ['an indentation behind letters', String.raw`QUJD\n  REVG`, 'QUJDREVG'],
    ['one of each', 'QU\nJD\\nRE\r\nVG', 'QUJDREVG'],
    ['all signs of base64', '9+\n/z\n-a\n_Z\n0=\n=', '9+/z-a_Z0=='],
    ['what follows the text', 'QUJD\nREVG. \nSEVS', 'QUJDREVG. \nSEVS'],
    ['a second pair of lines', 'QU\nJD ... RE\nVG', 'QUJD ... REVG'],
    ['a line break behind an escape', 'x\\t QUJD\r\nREVG', 'x\\t QUJDREVG'],
    ['a line feed in letters behind an escape', String.raw`QUJD\t\nREVG`, String.raw`QUJD\tREVG`],
    ['lines behind an empty one', 'QUJD\n\nREVG\nSElK', 'QUJD\n\nREVGSElK'],
  ])('leave out %s', (_name, data, text) => {
    expect(joined(data).text).toBe(text);
  });

  it.each([
    ['behind other characters', 'total.\nQUJD'],
    ['behind other characters, with a carriage return', 'total.\r\nQUJD'],
    ['in front of other characters', 'QUJD\n.total'],
    ['in front of a longer indentation', `QUJD\n${blanks(65)}REVG`],
    ['of an empty line', 'QUJD\n\nREVG'],
    ['of an empty line with carriage returns', 'QUJD\r\n\r\nREVG'],
    ['of a line of blanks', 'QUJD\n  \nREVG'],
    ['of an empty line in letters', String.raw`QUJD\n\nREVG`],
    ['of two kinds', 'QUJD\n\\nREVG'],
    ['of two kinds, the other way round', 'QUJD\\n\nREVG'],
    ['of two kinds with a carriage return', 'QUJD\\n\r\nREVG'],
    ['in letters behind a carriage return', 'QUJD\r\\nREVG'],
    ['of an indentation without a line', 'QUJD  REVG'],
    ['of a carriage return alone', 'QUJD\rREVG'],
    ['of other escapes', String.raw`QUJD\tREVG QUJD\r.REVG QUJD\r\tREVG QUJD\\REVG`],
    ['in letters behind other characters', String.raw`total.\nQUJD`],
    ['that there is none', 'QUJDREVG'],
    ['of nothing', ''],
  ])('keep a line break %s', (_name, data) => {
    expect(joined(data)).toEqual({ text: data, positions: [...Array(data.length + 1).keys()] });
  });

  it.each([
    ['a line feed', 'QUJD\n'],
    ['a line feed and blanks', 'QUJD\n   '],
    ['a carriage return', 'QUJD\r'],
    ['a carriage return and a line feed', 'QUJD\r\n'],
    ['a backslash', 'QUJD\\'],
    ['a line feed in letters', String.raw`QUJD\n`],
    ['a carriage return in letters', String.raw`QUJD\r`],
    ['a carriage return in letters and a backslash', 'QUJD\\r\\'],
    ['a carriage return and a line feed in letters', String.raw`QUJD\r\n`],
  ])('leave out what may continue at the end of the data: %s', (_name, data) => {
    expect(joined(data)).toEqual({ text: 'QUJD', positions: [0, 1, 2, 3, data.length] });
  });

  it.each([
    ['a line feed', '\nQUJD', 'QUJD'],
    ['a line feed and blanks', '\n  QUJD', 'QUJD'],
    ['a carriage return and a line feed', '\r\nQUJD', 'QUJD'],
    ['a line feed in letters', String.raw`\nQUJD`, 'QUJD'],
    ['a line feed in letters in front of a line feed', '\\nQUJD\nREVG', 'QUJDREVG'],
  ])('leave out what may have begun before the data: %s', (_name, data, text) => {
    expect(joined(data).text).toBe(text);
  });

  it.each([
    ['after an escape', 'QUJD\\tx', 'QUJD\\tx'],
    ['after an escape, without what may continue', 'QUJD\\t\\', 'QUJD\\t'],
    ['after a longer indentation', `QUJD\n${blanks(65)}`, `QUJD\n${blanks(65)}`],
    ['after an empty line', 'QUJD\n\n', 'QUJD\n\n'],
    ['after an empty line with carriage returns', 'QUJD\r\n\r\n', 'QUJD\r\n\r\n'],
    ['that is a second line feed in letters', String.raw`QUJD\n\n`, String.raw`QUJD\n\n`],
    ['that is a line feed after half of one in letters', 'QUJD\\\n', 'QUJD\\\n'],
  ])('keep the end of the data %s', (_name, data, text) => {
    expect(joined(data).text).toBe(text);
  });

  it('copy nothing where nothing is left out', () => {
    const data = Buffer.from('total.\nQUJD');

    expect(joinLines(data).bytes).toBe(data);
  });

  it('know where each character stood', () => {
    expect(joined('ab\ncd\r\n  ef\\ngh.').positions).toEqual([0, 1, 3, 4, 9, 10, 13, 14, 15, 16]);
    expect(joined('\nab\n').positions).toEqual([1, 2, 4]);
    expect(joined('\n').positions).toEqual([1]);
  });
});
