import { stripVTControlCharacters } from 'node:util';

/**
 * Columns of a text whose every character takes one, as those of our help do. Stands for the package `string-width`
 * where the bundle lays out the help (scripts/build.ts).
 */
export default function textWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
