import ansis from 'ansis';
import type { Reporter, TimedEvent } from '../../ports/events.ts';
import { eventText, outcomeWords } from './event-text.ts';
import { RunView, type StageView } from './run-view.ts';
import { terminalLines } from '../../base/terminal-text.ts';
import { lastWritten } from './fit-text.ts';
import { drawOver } from './live-text.ts';
import { treeText } from './tree-text.ts';

/** Milliseconds between two drawings. */
const redrawMs = 100;

/**
 * The live tree on a terminal. Drawn at most ten times a second, whatever the amount of output; at the end the tree
 * stays, with the last lines and failed tests of whatever did not succeed below it.
 * @param footer further lines below the tree, asked for at each drawing
 */
export function createTreeReporter(
  terminal: NodeJS.WriteStream,
  footer: () => string[] = () => [],
): Reporter {
  const view = new RunView();
  const drawing = drawOver(terminal);
  const size = () => ({ columns: terminal.columns || 80, rows: terminal.rows || 24 });
  const redraw = () => drawing.draw([...treeText(view, Date.now(), size()), ...footer()]);
  const timer = setInterval(redraw, redrawMs);
  timer.unref();
  return {
    handle(event: TimedEvent): void {
      view.take(event);
    },
    close(): Promise<void> {
      clearInterval(timer);
      view.end();
      drawing.draw([...treeText(view, Date.now(), { columns: size().columns, rows: Infinity }), ...footer()]);
      drawing.done();
      const text = endText(view).join('\n');
      if (text === '') return Promise.resolve();
      return new Promise((resolve) => void terminal.write(`${text}\n`, () => resolve()));
    },
  };
}

/** What follows the tree at the end of a run: why stages failed, tests, and the outcome. */
export function endText(view: RunView): string[] {
  const troubled = view.stages.filter(
    (stage) => !['succeeded', 'skipped', 'pending', 'cancelled'].includes(stage.state),
  );
  const lines = troubled.flatMap((stage) => troubleText(stage)).map((line) => terminalLines(line));
  const { finished } = view;
  if (finished === undefined) return lines;
  const colour = finished.outcome === 'succeeded' ? ansis.green : ansis.red;
  // The stage that decided the outcome has said why just above.
  const reported = troubled.map(({ name, detail }) => `${name}: ${detail}`);
  const isReported = (line: string) =>
    reported.some((known) => line === known || line.startsWith(`${known}; also: `));
  const [first = '', ...rest] = eventText(finished).filter((line) => !isReported(line));
  return [...lines, '', ...[colour(first), ...rest].map((line) => terminalLines(line))];
}

function troubleText(stage: StageView): string[] {
  if (stage.state === 'pending' || stage.state === 'running') return [];
  const tests =
    stage.tests?.failures.map((test) => `   ${ansis.red('✗')} ${test.suite} › ${test.name}`) ?? [];
  return [
    '',
    `${ansis.red(stage.name)} ${outcomeWords[stage.state]}: ${stage.detail}`,
    ...stage.lines.slice(-20).map((line) => `   │ ${lastWritten(line)}`),
    ...tests,
  ];
}
