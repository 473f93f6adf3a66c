import { stripVTControlCharacters } from 'node:util';
import sliceAnsi from 'slice-ansi';
import stringWidth from 'string-width';
import { terminalLines, terminalText } from '../../base/terminal-text.ts';

const graphemes = new Intl.Segmenter();

/** Columns that a string takes on a terminal, without its control sequences. */
export const columnsOfText = (text: string): number => stringWidth(text);

/** Cuts a line to fewer columns than a terminal has, leaving colour codes whole and other control sequences out. */
export function cutLine(uncut: string, columns: number): string {
  const text = terminalText(uncut);
  if (stringWidth(text) < columns) return text;
  return `${within(Math.max(0, columns - 2), (most) => sliceAnsi(text, 0, most))}…`;
}

/**
 * Lines as a terminal has room for them: longer ones continue in the next row, and where there are too many, the last row
 * counts the rest. Without colours.
 */
export function fitLines(
  lines: readonly string[],
  { columns, rows }: { columns: number; rows: number },
): string[] {
  const all = lines.flatMap((line) => wrapLine(line, columns - 1));
  const room = Math.max(1, rows - 1);
  if (all.length <= room) return all;
  const shown = all.slice(0, room - 1);
  return [...shown, cutLine(`… ${String(all.length - shown.length)} more lines`, columns)];
}

function wrapLine(line: string, columns: number): string[] {
  const rows = [''];
  let taken = 0;
  for (const { segment } of graphemes.segment(terminalLines(stripVTControlCharacters(line)))) {
    const width = stringWidth(segment);
    if (taken + width > columns && taken > 0) {
      rows.push('');
      taken = 0;
    }
    rows.push(`${rows.pop() ?? ''}${segment}`);
    taken += width;
  }
  return rows;
}

/** A name in exactly so many columns: filled with spaces, or without its middle, since names differ at both ends. */
export function fitName(name: string, columns: number): string {
  const taken = stringWidth(name);
  if (taken <= columns) return name + ' '.repeat(columns - taken);
  const room = columns - 1;
  const end = within(Math.floor(room / 2), (most) => sliceAnsi(name, taken - most));
  const start = within(room - stringWidth(end), (most) => sliceAnsi(name, 0, most));
  return fitName(`${start}…${end}`, columns);
}

/** A slice of at most so many columns: one that ends within a wide character has it whole. */
function within(most: number, slice: (columns: number) => string): string {
  const text = slice(most);
  return stringWidth(text) <= most ? text : slice(most - 1);
}

/** What a line shows in the end on a terminal where each carriage return writes over what stood there. */
export function lastWritten(line: string): string {
  return line.split('\r').findLast((part) => part.trim() !== '') ?? '';
}
