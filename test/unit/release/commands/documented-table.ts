import { readFileSync } from 'node:fs';

/** A cell of the table: what its row and its column say, and the exit code that it begins with. */
export interface DocumentedCell {
  state: string;
  command: string;
  exitCode: number;
}

/** The cells of the table in docs/releases.md of what each command does in each state. */
export function documentedCells(): DocumentedCell[] {
  const text = readFileSync('docs/releases.md', 'utf8');
  const lines = text.slice(text.indexOf('\n## Commands\n')).split('\n');
  const first = lines.findIndex((line) => line.startsWith('| state |'));
  const rest = lines.slice(first);
  const [heading = [], , ...rows] = rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .map(cellsOf);
  const [, ...columns] = heading;
  return rows.flatMap(([state = '', ...cells]) =>
    columns.map((command, index) => {
      const [code = ''] = /^\d+(?=: )/.exec(cells[index] ?? '') ?? [];
      return { state, command, exitCode: Number(code === '' ? NaN : code) };
    }),
  );
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim());
}
