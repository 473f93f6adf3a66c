import { stripVTControlCharacters } from 'node:util';
import ansis from 'ansis';
import { formatDuration } from '../../base/duration.ts';
import type { TrackState } from '../../ports/events.ts';
import { outcomeWords } from './event-text.ts';
import type { RunView, StageView } from './run-view.ts';
import { columnsOfText, cutLine, fitName, lastWritten } from './fit-text.ts';

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
  detached: ansis.yellow('‖'),
  cancelled: ansis.yellow('■'),
  skipped: ansis.dim('-'),
};

/** How many of the last lines of running stages are shown, when the terminal has room. */
const tailLines = 6;
/** Columns of a stage's line besides its name and what is said of it. */
const fixedColumns = 24;

/**
 * The run as lines of text for a terminal: a line a stage, under running ones their tracks and last lines. Where not all
 * stages have room, those that run and those that failed go before the others, which a last line counts.
 * Pure: the same view, time and size give the same lines; none is wider than the terminal.
 */
export function treeText(view: RunView, now: number, size: TerminalSize): string[] {
  const notices = view.notices
    .slice(-3)
    .map((notice) => cutLine(`  ${ansis.yellow('·')} ${oneLine(notice)}`, size.columns));
  if (view.runId === '') return notices; // the run has not begun, or is not taken over yet
  const head = headLine(view, now, size.columns);
  const rows = Math.max(1, size.rows - 1);
  // Notices give way before the stages do.
  const shownNotices = notices.slice(0, Math.max(0, Math.floor((rows - 1) / 3)));
  const room = rows - 1 - shownNotices.length;
  // Stages that wait give way to the last lines of those that run.
  const written = Math.max(
    0,
    ...view.stages.map(({ state, lines }) => (state === 'running' ? lines.length : 0)),
  );
  const kept = written === 0 ? 0 : Math.min(written + 1, tailLines + 1, Math.floor(room / 4));
  const { stages, hidden } =
    view.stages.length <= room ? { stages: view.stages, hidden: [] } : chooseStages(view.stages, room - kept);
  const running = stages.filter((stage) => stage.state === 'running');
  const left = room - stages.length - (hidden.length === 0 ? 0 : 1);
  const tracks = running.reduce((sum, stage) => sum + stage.tracks.length, 0);
  const perStage =
    running.length === 0
      ? 0
      : Math.max(0, Math.min(tailLines, Math.floor((left - 1 - tracks) / running.length)));
  const longest = Math.max(6, ...stages.map((stage) => columnsOfText(stage.name)));
  const width = Math.min(longest, Math.max(6, Math.floor((size.columns - fixedColumns) / 2)));
  const layout = { now, width, perStage, columns: size.columns, withTracks: tracks <= left };
  const lines = stages.flatMap((stage) => stageLines(stage, layout));
  const more = hidden.length === 0 ? [] : [cutLine(hiddenLine(hidden), size.columns)];
  return [head, ...lines, ...more, ...shownNotices].slice(0, rows);
}

/** The stages that have room, in their order, and the others. */
function chooseStages(
  all: readonly StageView[],
  room: number,
): { stages: readonly StageView[]; hidden: readonly StageView[] } {
  const running = all.findIndex((stage) => stage.state === 'running');
  const active = running === -1 ? all.findLastIndex((stage) => stage.state !== 'pending') : running;
  const ranked = all
    .map((stage, index) => ({ stage, rank: rankOf(stage), far: Math.abs(index - active) }))
    .sort((a, b) => a.rank - b.rank || a.far - b.far)
    .slice(0, Math.max(0, room - 1));
  const chosen = new Set(ranked.map(({ stage }) => stage));
  return {
    stages: all.filter((stage) => chosen.has(stage)),
    hidden: all.filter((stage) => !chosen.has(stage)),
  };
}

/** What runs is looked at first, then what went wrong. */
function rankOf({ state }: StageView): number {
  if (state === 'running') return 0;
  return ['pending', 'succeeded', 'skipped', 'cancelled'].includes(state) ? 2 : 1;
}

/** ` … 20 more: 12 succeeded, 8 pending` */
function hiddenLine(hidden: readonly StageView[]): string {
  const counts = new Map<string, number>();
  for (const { state } of hidden) {
    const word = state === 'pending' || state === 'running' ? state : outcomeWords[state];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const parts = [...counts].map(([word, count]) => `${String(count)} ${word}`);
  return ansis.dim(` … ${String(hidden.length)} more: ${parts.join(', ')}`);
}

function headLine(view: RunView, now: number, columns: number): string {
  const time =
    view.startedAt === undefined ? '' : formatDuration(view.finished?.durationMs ?? now - view.startedAt);
  const state = view.finished === undefined ? view.agent : outcomeWords[view.finished.outcome];
  return cutLine(
    `${ansis.bold(view.pipeline)} ${ansis.dim(view.runId)} ${view.place}  ${time}  ${ansis.dim(state)}`,
    columns,
  );
}

interface StageLayout {
  now: number;
  width: number;
  perStage: number;
  columns: number;
  withTracks: boolean;
}

function stageLines(stage: StageView, layout: StageLayout): string[] {
  const spent =
    stage.durationMs ?? (stage.startedAt === undefined ? undefined : layout.now - stage.startedAt);
  const time = stage.state === 'skipped' || spent === undefined ? '' : formatDuration(spent);
  const line = ` ${marks[stage.state]} ${fitName(stage.name, layout.width)}  ${ansis.dim(stage.kind.padEnd(8))}  ${time.padStart(7)}  ${oneLine(stage.detail)}`;
  const below =
    stage.state === 'running'
      ? [
          ...(layout.withTracks ? stage.tracks.map((track) => trackLine(track)) : []),
          ...stage.lines
            .slice(stage.lines.length - layout.perStage)
            .map((text) => ansis.dim(`     │ ${oneLine(lastWritten(text))}`)),
        ]
      : [];
  return [line, ...below].map((text) => cutLine(text, layout.columns));
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
