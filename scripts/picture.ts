/**
 * `node scripts/picture.ts [FILE]`: records `npm run demo` in a terminal of its own and writes it as an animated SVG
 * (docs/demo.svg). Needs `script` of util-linux for the terminal.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import xterm from '@xterm/headless';
import { framesToSvg, type Frame, type Run } from './picture/svg.ts';

const columns = 112;
const rows = 30;
/** Milliseconds between two looks at the terminal. */
const lookMs = 400;
/** The last frame stays this long. Milliseconds. */
const restMs = 6000;

const target = process.argv[2] ?? 'docs/demo.svg';
const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 0 });
const command = `stty cols ${String(columns)} rows ${String(rows)}; exec "${process.execPath}" scripts/demo.ts`;
const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
  env: { ...process.env, FORCE_COLOR: '3', TERM: 'xterm-256color', COLORTERM: 'truecolor' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
child.stdout.on('data', (chunk: Buffer) => terminal.write(chunk));

const frames: Frame[] = [];
const startedAt = performance.now();
const timer = setInterval(look, lookMs);
const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
clearInterval(timer);
if (exitCode !== 0) throw new Error(`the demo ended with exit code ${String(exitCode)}`);
await new Promise<void>((resolve) => terminal.write('', resolve));
look();
await writeFile(target, framesToSvg(frames, { columns, rows, restMs }));

/** Takes the screen down, when it has changed. */
function look(): void {
  const lines = Array.from({ length: rows }, (_item, row) => runsOf(row));
  const last = frames.at(-1);
  if (last !== undefined && JSON.stringify(last.lines) === JSON.stringify(lines)) return;
  frames.push({ atMs: performance.now() - startedAt, lines });
}

/** One row of the screen as runs of the same look. */
function runsOf(row: number): Run[] {
  const line = terminal.buffer.active.getLine(terminal.buffer.active.viewportY + row);
  const runs: Run[] = [];
  for (let column = 0; line !== undefined && column < columns; column++) {
    const cell = line.getCell(column);
    if (cell === undefined) break;
    const colour = cell.isFgPalette() ? cell.getFgColor() : undefined;
    const style = { colour, bold: cell.isBold() !== 0, dim: cell.isDim() !== 0 };
    const last = runs.at(-1);
    const text = cell.getChars() || ' ';
    if (last !== undefined && last.colour === colour && last.bold === style.bold && last.dim === style.dim)
      last.text += text;
    else runs.push({ column, text, ...style });
  }
  return runs.map((run) => ({ ...run, text: run.text.trimEnd() })).filter(({ text }) => text !== '');
}
