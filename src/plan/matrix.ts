import type { Matrix, ParameterValue } from '../spec/pipeline.ts';

/** One combination of a matrix, and what it adds to the stage's name. */
export interface MatrixCell {
  values: Readonly<Record<string, ParameterValue>>;
  /** `.1.linux`; empty without a matrix. */
  suffix: string;
}

/** Every combination of a matrix, the last key changing fastest; one without values when there is no matrix. */
export function multiply(matrix: Matrix | undefined): MatrixCell[] {
  let cells: Record<string, ParameterValue>[] = [{}];
  for (const [key, values] of Object.entries(matrix ?? {})) {
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [key]: value })));
  }
  const used = new Set<string>();
  return cells.map((values) => ({ values, suffix: unique(suffixOf(values, matrix ?? {}), used) }));
}

function suffixOf(values: Readonly<Record<string, ParameterValue>>, matrix: Matrix): string {
  return Object.entries(values)
    .map(([key, value]) => `.${partOf(value, matrix[key] ?? [])}`)
    .join('');
}

/** A value as a part of a name; one of which nothing can be read any more is named by its place in the list: `value2`. */
function partOf(value: ParameterValue, list: readonly ParameterValue[]): string {
  const safe = String(value)
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .slice(0, 40);
  return /[A-Za-z0-9_]/.test(safe) ? safe : `value${String(list.indexOf(value) + 1)}`;
}

/** Different values may look the same once unsafe characters are gone. */
function unique(suffix: string, used: Set<string>): string {
  let name = suffix;
  for (let count = 2; used.has(name); count++) name = `${suffix}-${String(count)}`;
  used.add(name);
  return name;
}

/** The environment variable of a matrix key: `shard` is SHARD, `nodeVersion` NODE_VERSION. */
export function matrixVariable(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}
