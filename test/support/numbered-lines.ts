import type { StageText } from './pipeline-folder.ts';

/** A stage `count` that prints numbers 1 to `count`, a hundred at a time, and writes down how often it was begun. */
export function numbers(count: number, pauseSeconds: number): StageText {
  return {
    name: 'count',
    run: `echo x >> ../begun
i=0
while [ $i -lt ${String(count)} ]; do
  n=0
  while [ $n -lt 100 ]; do i=$((i + 1)); n=$((n + 1)); echo "number $i"; done
  sleep ${String(pauseSeconds)}
done`,
  };
}

/** A stage that says how often `count` was begun. */
export const begunOnce: StageText = { name: 'once', run: 'echo "begun $(wc -l < ../begun) times"' };

/** What `numbers` prints. */
export const numbersText = (count: number): string =>
  range(1, count)
    .map((number) => `number ${String(number)}\n`)
    .join('');

/** The numbers in a text, of lines that begin with `start`. */
export function numbersIn(text: string, start = ''): number[] {
  const lines = text.split('\n').filter((line) => line.startsWith(`${start}number `));
  return lines.map((line) => Number(line.slice(`${start}number `.length)));
}

/** Whole numbers from `from` to `to`, both included. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_item, index) => from + index);
