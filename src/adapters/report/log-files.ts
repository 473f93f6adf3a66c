import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Reporter, TimedEvent } from '../../ports/events.ts';
import { LogJournal } from './log-journal.ts';
import { StageLog } from './stage-log.ts';

/** Writes whole logs, and knows which ones it lacks. */
export interface LogFileReporter extends Reporter {
  /** Whether a step's log is to be handed out from its beginning: not all of it is in the folder. */
  lacks(stepId: string): boolean;
}

type StepEvent = Extract<TimedEvent, { type: 'step.output' | 'step.end' }>;

/**
 * Writes each stage's whole output to `directory/STAGE.log`, byte for byte as the steps wrote it (masked). The next
 * runner of the same run goes on in the files: a step whose output is not there whole is written anew from where it
 * begins, so that every byte is there once, however the runner before ended. In a folder that holds nothing of the run
 * all is written anew, as far as it is handed out.
 */
export function createLogFileReporter(directory: string): LogFileReporter {
  const files = new StageFiles(directory);
  return {
    lacks: (stepId) => files.lacks(stepId),
    async handle(event: TimedEvent): Promise<void> {
      switch (event.type) {
        case 'run.started':
          await files.begin(event.runId, event.resumed);
          return;
        case 'step.output':
          await files.output(event);
          return;
        case 'step.end':
          await files.end(event);
          return;
        case 'run.finished':
          files.finished = true;
          return;
        default:
      }
    },
    close: () => files.close(),
  };
}

class StageFiles {
  /** The run is over. */
  finished = false;
  readonly #directory: string;
  readonly #logs = new Map<string, StageLog>();
  /** The step that is being written, by stage. */
  readonly #current = new Map<string, string>();
  /** Stages whose file cannot be written; said once. */
  readonly #broken = new Set<string>();
  #journal: LogJournal | undefined;
  #goesOn = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async begin(runId: string, resumed: boolean): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const found = resumed
      ? await LogJournal.open(this.#directory, runId, (stage) => this.#fileOf(stage))
      : undefined;
    this.#goesOn = found !== undefined;
    this.#journal = found ?? (await LogJournal.create(this.#directory, runId));
  }

  lacks(stepId: string): boolean {
    return this.#journal?.isWhole(stepId) !== true;
  }

  async output({ stage, id, chunk }: StepEvent & { type: 'step.output' }): Promise<void> {
    if (!this.lacks(id) || this.#broken.has(stage)) return;
    try {
      const log = await this.#logOf(stage);
      if (this.#current.get(stage) !== id) await this.#beginStep(log, stage, id);
      await log.append(chunk);
    } catch (error) {
      this.#broken.add(stage);
      throw error;
    }
  }

  async end({ stage, id }: StepEvent): Promise<void> {
    const log = this.#logs.get(stage);
    if (log === undefined || this.#current.get(stage) !== id || this.#broken.has(stage)) return;
    this.#current.delete(stage);
    await this.#journal?.end(id, log.position);
  }

  async close(): Promise<void> {
    for (const log of this.#logs.values()) await log.close();
    if (this.finished) await this.#journal?.remove();
  }

  async #beginStep(log: StageLog, stage: string, id: string): Promise<void> {
    const from = this.#journal?.beginOf(id) ?? log.position;
    await this.#journal?.begin(id, stage, from);
    await log.cut(from);
    this.#current.set(stage, id);
  }

  async #logOf(stage: string): Promise<StageLog> {
    const known = this.#logs.get(stage);
    if (known !== undefined) return known;
    const log = await StageLog.open(this.#fileOf(stage), { keep: this.#goesOn });
    this.#logs.set(stage, log);
    return log;
  }

  #fileOf(stage: string): string {
    return path.join(this.#directory, `${stage.replaceAll(/[^\w.-]+/g, '_')}.log`);
  }
}
