import type { StageOutcome, TimedEvent, TrackState } from '../../ports/events.ts';
import type { TestSummary } from '../../ports/test-report.ts';
import { eventText, stageOf } from './event-text.ts';
import { HeldNotices } from './held-notices.ts';
import { StepLines } from './step-lines.ts';

/** What is shown of one stage. Times are milliseconds since 1970. */
export interface StageView {
  name: string;
  kind: string;
  state: 'pending' | 'running' | StageOutcome;
  startedAt?: number;
  durationMs?: number;
  /** The newest thing worth saying beside the name. */
  detail: string;
  /** The last lines of output, oldest first. */
  lines: string[];
  tracks: readonly TrackState[];
  tests?: TestSummary;
}

/** What is shown of a run; changed in place by {@link RunView.take}. */
export class RunView {
  pipeline = '';
  runId = '';
  place = '';
  startedAt: number | undefined;
  agent = '';
  /** Things to say that belong to no stage. */
  readonly notices: string[] = [];
  readonly stages: StageView[] = [];
  finished: Extract<TimedEvent, { type: 'run.finished' }> | undefined;
  readonly #steps = new StepLines();
  readonly #keptLines: number;
  readonly #notices = new HeldNotices();

  /** @param keptLines how many of each stage's last lines are kept */
  constructor(keptLines = 40) {
    this.#keptLines = keptLines;
  }

  /** Takes the next event in. */
  take(event: TimedEvent): void {
    for (const shown of this.#notices.take(event)) this.#takeShown(shown);
  }

  /** No event comes any more. */
  end(): void {
    for (const shown of this.#notices.rest()) this.#takeShown(shown);
  }

  #takeShown(event: TimedEvent): void {
    switch (event.type) {
      case 'run.started':
        this.pipeline = event.pipeline;
        this.runId = event.runId;
        this.place = `${event.cluster}/${event.namespace}`;
        this.startedAt = event.at;
        this.stages.push(...event.stages.map(({ name, kind }) => newStage(name, kind)));
        return;
      case 'run.finished':
        this.finished = event;
        return;
      default:
        this.#takeOther(event);
    }
  }

  #takeOther(event: Exclude<TimedEvent, { type: 'run.started' | 'run.finished' }>): void {
    const name = stageOf(event);
    if (name === undefined) {
      const text = eventText(event);
      if (event.type.startsWith('agent.')) this.agent = text[0] ?? '';
      if (event.type === 'notice' || event.type === 'agent.kept' || event.type === 'agent.problem')
        this.notices.push(...text);
      return;
    }
    const stage = this.#stage(name);
    switch (event.type) {
      case 'stage.started':
        Object.assign(stage, { kind: event.kind, state: 'running', startedAt: event.at, detail: '' });
        if (event.attempt > 1) stage.detail = `attempt ${String(event.attempt)}`;
        return;
      case 'stage.finished':
        stage.state = event.outcome;
        stage.durationMs = event.durationMs;
        if (event.message !== undefined) stage.detail = event.message;
        return;
      case 'step.output':
      case 'step.end':
        stage.lines.push(...this.#steps.take(event));
        stage.lines.splice(0, stage.lines.length - this.#keptLines);
        return;
      case 'tests.collected':
        stage.tests = event.summary;
        break;
      case 'release.progress':
        stage.tracks = event.tracks;
        break;
      case 'notice':
        if (event.level === 'warning') this.notices.push(`${name}: ${event.message}`);
        break;
      default:
        break;
    }
    stage.detail = eventText(event)[0] ?? stage.detail;
  }

  #stage(name: string): StageView {
    const known = this.stages.find((stage) => stage.name === name);
    if (known !== undefined) return known;
    const stage = newStage(name, '');
    this.stages.push(stage);
    return stage;
  }
}

function newStage(name: string, kind: string): StageView {
  return { name, kind, state: 'pending', detail: '', lines: [], tracks: [] };
}
