import { stripVTControlCharacters } from 'node:util';
import ansis from 'ansis';
import { formatDuration } from '../../base/duration.ts';
import type { TrackState } from '../../ports/events.ts';
import { outcomeWords } from './event-text.ts';
import type { RunView, StageView } from './run-view.ts';

/** The size of the terminal, in characters. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

const marks: Record<StageView['state'], string> = {
  pending: ansis.dim('○'),
  running: ansis.cyan('●'),
  succeeded: ansis.green('✓'),
  failed: ansis.red('✗'),
  infrastructure: ansis.red('!'),
  timedOut: ansis.red('✗'),
  rolledBack: ansis.yellow('↺'),
  cancelled: ansis.yellow('■'),
  skipped: ansis.dim('-'),
};

/** How many of the last lines of running stages are shown, when the terminal has room. */
const tailLines = 6;

/**
 * The run as lines of text for a terminal: a line a stage, under running ones their tracks and last lines.
 * Pure: the same view, time and size give the same lines; none is wider than the terminal.
 */
export function treeText(view: RunView, now: number, size: TerminalSize): string[] {
  const notices = view.notices
    .slice(-3)
    .map((notice) => cut(`  ${ansis.yellow('·')} ${notice}`, size.columns));
  if (view.runId === '') return notices; // the run has not begun, or is not taken over yet
  const head = headLine(view, now, size.columns);
  const running = view.stages.filter((stage) => stage.state === 'running');
  const fixed =
    1 + notices.length + view.stages.length + running.reduce((rows, stage) => rows + stage.tracks.length, 0);
  const room = Math.max(0, size.rows - 2 - fixed);
  const perStage = running.length === 0 ? 0 : Math.min(tailLines, Math.floor(room / running.length));
  const width = Math.max(6, ...view.stages.map((stage) => stage.name.length));
  const stages = view.stages.flatMap((stage) =>
    stageLines(stage, { now, width, perStage, columns: size.columns }),
  );
  return [head, ...stages, ...notices].slice(0, Math.max(1, size.rows - 1));
}

function headLine(view: RunView, now: number, columns: number): string {
  const time =
    view.startedAt === undefined ? '' : formatDuration(view.finished?.durationMs ?? now - view.startedAt);
  const state = view.finished === undefined ? view.agent : outcomeWords[view.finished.outcome];
  return cut(
    `${ansis.bold(view.pipeline)} ${ansis.dim(view.runId)} ${view.place}  ${time}  ${ansis.dim(state)}`,
    columns,
  );
}

interface StageLayout {
  now: number;
  width: number;
  perStage: number;
  columns: number;
}

function stageLines(stage: StageView, layout: StageLayout): string[] {
  const spent =
    stage.durationMs ?? (stage.startedAt === undefined ? undefined : layout.now - stage.startedAt);
  const time = stage.state === 'skipped' || spent === undefined ? '' : formatDuration(spent);
  const line = ` ${marks[stage.state]} ${stage.name.padEnd(layout.width)}  ${ansis.dim(stage.kind.padEnd(8))}  ${time.padStart(7)}  ${oneLine(stage.detail)}`;
  const below =
    stage.state === 'running'
      ? [
          ...stage.tracks.map((track) => trackLine(track)),
          ...stage.lines
            .slice(stage.lines.length - layout.perStage)
            .map((text) => ansis.dim(`     │ ${oneLine(text)}`)),
        ]
      : [];
  return [line, ...below].map((text) => cut(text, layout.columns));
}

/** `stable     web-6c9f  ●●●○  3/4  100 %  shop/web@sha256:1f2e…` */
function trackLine(track: TrackState): string {
  const shown = Math.min(track.desired, 20);
  const ready = Math.min(track.ready, shown);
  const pods = ansis.green('●'.repeat(ready)) + ansis.dim('○'.repeat(shown - ready));
  const image = track.image.replace(/@sha256:([0-9a-f]{12})[0-9a-f]*/, '@sha256:$1');
  return `     ${track.name.padEnd(9)} ${track.workload}  ${pods}  ${String(track.ready)}/${String(track.desired)}  ${String(track.weight)} %  ${ansis.dim(image)}`;
}

function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\t', '  ')
    .replaceAll(/[\n\r]+/g, ' ');
}

/** Cuts to a width in characters, leaving colour codes whole. */
function cut(text: string, columns: number): string {
  if (stripVTControlCharacters(text).length < columns) return text;
  let shown = 0;
  // eslint-disable-next-line no-control-regex -- colour codes begin with the escape character
  const pieces = text.split(/(\u001b\[[0-9;]*m)/);
  const kept = pieces.map((piece) => {
    if (piece.startsWith('\u001b[')) return piece;
    const room = Math.max(0, columns - 2 - shown);
    shown += Math.min(piece.length, room);
    return piece.slice(0, room);
  });
  return `${kept.join('')}…`;
}
