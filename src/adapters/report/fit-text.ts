import sliceAnsi from 'slice-ansi';
import stringWidth from 'string-width';
import { terminalText } from '../../base/terminal-text.ts';

/** Columns that a string takes on a terminal, without its control sequences. */
export const columnsOfText = (text: string): number => stringWidth(text);

/** Cuts a line to fewer columns than a terminal has, leaving colour codes whole and other control sequences out. */
export function cutLine(uncut: string, columns: number): string {
  const text = terminalText(uncut);
  if (stringWidth(text) < columns) return text;
  return `${within(Math.max(0, columns - 2), (most) => sliceAnsi(text, 0, most))}…`;
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
