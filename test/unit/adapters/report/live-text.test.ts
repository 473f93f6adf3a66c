import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import xterm from '@xterm/headless';
import { fitLines } from '../../../../src/adapters/report/fit-text.ts';
import { createLiveText } from '../../../../src/adapters/report/live-text.ts';

describe('lines on a terminal', () => {
  it('go on in the next row where they are too long, whole and below the width', () => {
    const rows = fitLines(['short', 'a-long-line-of-text', ''], { columns: 10, rows: 24 });

    expect(rows).toEqual(['short', 'a-long-li', 'ne-of-tex', 't', '']);
  });

  it('are broken before a wide character that has no room, never within one', () => {
    expect(fitLines(['ab漢字', 'e\u0301e\u0301e\u0301'], { columns: 4, rows: 24 })).toEqual([
      ...['ab', '漢', '字', 'e\u0301e\u0301e\u0301'],
    ]);
  });

  it('are counted where there is no room for all, the line of the cursor included', () => {
    const lines = ['a', 'b', 'c', 'd', 'e'];

    expect(fitLines(lines, { columns: 40, rows: 6 })).toEqual(lines);
    expect(fitLines(lines, { columns: 40, rows: 5 })).toEqual(['a', 'b', 'c', '… 2 more lines']);
  });

  it('cannot steer the terminal', () => {
    expect(fitLines(['a\u001b[2Jb\u0007c\rd'], { columns: 40, rows: 24 })).toEqual(['ab␇c␍d']);
  });

  it('are drawn over those before, and not again while they are the same', () => {
    const written: string[] = [];
    const terminal = Object.assign(new PassThrough(), { isTTY: true, rows: 10, columns: 20 });
    terminal.on('data', (data: Buffer) => written.push(data.toString()));
    const live = createLiveText(terminal as unknown as NodeJS.WriteStream);

    live.draw(['first', 'same']);
    const drawn = written.length;
    live.draw(['first', 'same']);
    expect(written).toHaveLength(drawn);
    live.draw(['second', 'same']);
    live.close();

    expect(stripVTControlCharacters(written.slice(0, drawn).join(''))).toBe('first\nsame\n');
    const again = written.slice(drawn).join('');
    expect(stripVTControlCharacters(again)).toBe('second\nsame\n');
    // Both lines of before are erased.
    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(again.match(/\u001b\[2K/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it('are all there when a line has come or gone above others that stay', async () => {
    const lines = ['top', 'one', 'two', 'end'];
    const frames = [lines, ['top', 'one', 'new', 'newer', 'two', 'end'], ['top', 'end'], lines];

    for (let last = 0; last < frames.length; last += 1)
      expect(await screenAfter(frames.slice(0, last + 1))).toEqual(frames[last]);
  });
});

/** What a terminal of ten rows shows once these frames were drawn below a full screen of other output. */
async function screenAfter(frames: readonly (readonly string[])[]): Promise<string[]> {
  const emulator = new xterm.Terminal({ rows: 10, cols: 20, allowProposedApi: true, convertEol: true });
  const before = 'before\n'.repeat(9);
  const terminal = Object.assign(new PassThrough(), { isTTY: true, rows: 10, columns: 20 });
  const live = createLiveText(terminal as unknown as NodeJS.WriteStream);
  terminal.write(before);
  for (const frame of frames) live.draw(frame);
  const written = (terminal.read() as Buffer).toString();
  await new Promise<void>((resolve) => emulator.write(written, resolve));
  const { active } = emulator.buffer;
  const all = Array.from(
    { length: active.length },
    (_, row) => active.getLine(row)?.translateToString(true) ?? '',
  );
  emulator.dispose();
  return all.filter((line) => line !== '' && line !== 'before');
}
