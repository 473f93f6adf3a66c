/** Text of one look in a row. */
export interface Run {
  column: number;
  text: string;
  /** Number in the terminal's palette; undefined is the default colour. */
  colour: number | undefined;
  bold: boolean;
  dim: boolean;
}

/** The screen from a moment on. */
export interface Frame {
  /** Milliseconds since the start. */
  atMs: number;
  lines: Run[][];
}

const cell = { width: 8.4, height: 18 };
const margin = 16;
const palette = ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'];

/** An SVG that shows the frames one after the other, for ever; without animation it shows the last one. */
export function framesToSvg(
  frames: readonly Frame[],
  screen: { columns: number; rows: number; restMs: number },
): string {
  const totalMs = (frames.at(-1)?.atMs ?? 0) + screen.restMs;
  const width = screen.columns * cell.width + 2 * margin;
  const height = screen.rows * cell.height + 2 * margin;
  const styles: string[] = [];
  const groups = frames.map(({ atMs, lines }, index) => {
    const from = (100 * atMs) / totalMs;
    const until = (100 * (frames[index + 1]?.atMs ?? totalMs)) / totalMs;
    const name = `f${String(index)}`;
    const hidden = 'visibility:hidden';
    styles.push(
      `@keyframes ${name}{0%{${from === 0 ? 'visibility:visible' : hidden}}${from.toFixed(3)}%{visibility:visible}${until.toFixed(3)}%{${hidden}}100%{${hidden}}}`,
      `.${name}{${index === frames.length - 1 ? '' : `${hidden};`}animation:${name} ${(totalMs / 1000).toFixed(2)}s steps(1,end) infinite}`,
    );
    return `<g class="${name}">${lines.map((runs, row) => rowText(runs, row)).join('')}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" width="${width.toFixed(0)}" role="img" aria-label="The demo in a terminal">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#e6edf3}.b{font-weight:bold}.d{opacity:.6}${styles.join('')}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${groups.join('\n')}
</svg>
`;
}

function rowText(runs: readonly Run[], row: number): string {
  const y = (margin + row * cell.height + 13).toFixed(0);
  return runs
    .map(({ column, text, colour, bold, dim }) => {
      const x = (margin + column * cell.width).toFixed(1);
      const classes = [bold ? 'b' : '', dim ? 'd' : ''].filter((name) => name !== '').join(' ');
      const look = `${classes === '' ? '' : ` class="${classes}"`}${colour === undefined ? '' : ` style="fill:${palette[colour % 8] ?? ''}"`}`;
      const length = ` textLength="${(text.length * cell.width).toFixed(1)}"`;
      return `<text x="${x}" y="${y}"${look}${length}>${escape(text)}</text>`;
    })
    .join('');
}

/** Spaces become no-break spaces: viewers that ignore `white-space: pre` would join and trim them. */
function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(' ', '\u00a0');
}
