import path from 'node:path';
import { fileNameOf } from '../../base/files/file-name.ts';
import { OutputFolder } from '../../base/files/output-folder.ts';
import type { Reporter, TimedEvent } from '../../ports/events.ts';
import { LogJournal } from './log-journal.ts';
import { StageLog } from './stage-log.ts';

/** Writes whole logs, and knows which ones it lacks. */
export interface LogFileReporter extends Reporter {
  /** Whether a step's log is to be handed out from its beginning: not all of it is in the folder. */
  lacks(stepId: string): boolean;
  /**
   * Looks whether the stages' logs can be written; makes nothing.
   * @throws RefusedPathError when a link or a folder stands in the place of the folder or of a log
   */
  check(stages: readonly string[]): Promise<void>;
}

type StepEvent = Extract<TimedEvent, { type: 'step.output' | 'step.end' }>;

/**
 * Writes each stage's whole output to `directory/STAGE.log`, byte for byte as the steps wrote it (masked). The next
 * runner of the same run continues the files: a step whose output is not there whole is written anew from where it
 * begins, so that every byte is there once, however the runner before ended. In a folder that holds nothing of the run
 * all is written anew, as far as it is handed out. `byRun`: the files are in a folder of the run's id, so that they stay
 * when the next run begins. The folder may lie in a checkout: nothing is written through links.
 */
export function createLogFileReporter(
  directory: string,
  { byRun = false }: { byRun?: boolean } = {},
): LogFileReporter {
  const files = new StageFiles(directory, byRun);
  return {
    lacks: (stepId) => files.lacks(stepId),
    check: (stages) => files.check(stages),
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
  readonly #byRun: boolean;
  #folder: OutputFolder;
  readonly #logs = new Map<string, StageLog>();
  /** The step that is being written, by stage. */
  readonly #current = new Map<string, string>();
  /** Stages whose file cannot be written; said once. */
  readonly #broken = new Set<string>();
  #journal: LogJournal | undefined;
  #goesOn = false;

  constructor(directory: string, byRun: boolean) {
    this.#directory = directory;
    this.#byRun = byRun;
    this.#folder = new OutputFolder(directory);
  }

  async begin(runId: string, resumed: boolean): Promise<void> {
    await this.#folder.makeFolder();
    if (this.#byRun) {
      await this.#folder.makeFolder(runId);
      await this.#hideFromGit();
      this.#folder = new OutputFolder(path.join(this.#directory, runId));
    }
    const found = resumed ? await LogJournal.open(this.#folder, runId, logName) : undefined;
    this.#goesOn = found !== undefined;
    this.#journal = found ?? (await LogJournal.create(this.#folder, runId));
  }

  async check(stages: readonly string[]): Promise<void> {
    await this.#folder.check('');
    if (this.#byRun) return; // nothing can lie in the way of an id that was made just now
    for (const stage of stages) await this.#folder.check(logName(stage), 'file');
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

  /** Logs in a working copy are no uncommitted files of it. */
  async #hideFromGit(): Promise<void> {
    const known = await this.#folder.openToRead('.gitignore');
    const file = known ?? (await this.#folder.createFile('.gitignore'));
    try {
      if (known === undefined) await file.writeFile('*\n');
    } finally {
      await file.close();
    }
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
    const log = await StageLog.open(this.#folder, logName(stage), { keep: this.#goesOn });
    this.#logs.set(stage, log);
    return log;
  }
}

/** The file of a stage's log. */
export function logName(stage: string): string {
  return `${fileNameOf(stage)}.log`;
}
