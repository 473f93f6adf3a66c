import { appendFile, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from '../../base/zod.ts';

/** Where a step's output begins in its stage's file, and, as soon as it stands there whole, where it ends. */
interface Place {
  stage: string;
  from: number;
  to?: number;
}

const JournalLine = z.object({
  step: z.string(),
  stage: z.string(),
  from: z.number(),
  to: z.optional(z.number()),
});

/**
 * Says which bytes of a run's log files belong to which step, in a file beside them, so that the next runner of the run
 * can go on in files that this one left in the middle. A line is written before the bytes of a step, another one after
 * them; what stands in a log file behind the last line is not trusted.
 */
export class LogJournal {
  readonly #file: string;
  readonly #places = new Map<string, Place>();

  private constructor(file: string) {
    this.#file = file;
  }

  /** A journal without entries; that of an earlier runner of the run is removed. */
  static async create(directory: string, runId: string): Promise<LogJournal> {
    const file = fileOf(directory, runId);
    await rm(file, { force: true });
    return new LogJournal(file);
  }

  /** The journal that an earlier runner of the run left; undefined when it left none in this folder. */
  static async open(
    directory: string,
    runId: string,
    fileOfStage: (stage: string) => string,
  ): Promise<LogJournal | undefined> {
    const journal = new LogJournal(fileOf(directory, runId));
    const text = await readFile(journal.#file, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    for (const line of text.split('\n')) journal.#read(line);
    if (!text.endsWith('\n')) await appendFile(journal.#file, '\n'); // the runner died in the middle of a line
    await journal.#distrustMissing(fileOfStage);
    return journal;
  }

  /** Where the step's output begins; undefined when it is not there. */
  beginOf(step: string): number | undefined {
    return this.#places.get(step)?.from;
  }

  /** Whether all of the step's output is in its file. */
  isWhole(step: string): boolean {
    return this.#places.get(step)?.to !== undefined;
  }

  /** Notes that a step begins there; whatever stood behind is void. */
  async begin(step: string, stage: string, from: number): Promise<void> {
    await this.#write({ step, stage, from });
  }

  /** Notes that a step's output is there whole. */
  async end(step: string, to: number): Promise<void> {
    const place = this.#places.get(step);
    if (place !== undefined) await this.#write({ ...place, step, to });
  }

  /** Removes the journal: the run has ended, and nobody goes on. */
  async remove(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  async #write(line: Place & { step: string }): Promise<void> {
    await appendFile(this.#file, `${JSON.stringify(line)}\n`);
    this.#take(line);
  }

  #read(text: string): void {
    try {
      const { to, ...line } = JournalLine.parse(JSON.parse(text));
      this.#take(to === undefined ? line : { ...line, to });
    } catch {
      return; // torn, or the empty one at the end
    }
  }

  #take({ step, ...place }: Place & { step: string }): void {
    for (const [other, { stage, from }] of this.#places) {
      if (other !== step && stage === place.stage && from >= place.from && place.to === undefined)
        this.#places.delete(other);
    }
    this.#places.set(step, place);
  }

  /** A file that somebody cut or removed holds nothing whole behind its end. */
  async #distrustMissing(fileOfStage: (stage: string) => string): Promise<void> {
    for (const [step, { stage, from, to }] of this.#places) {
      const size = await stat(fileOfStage(stage)).then(
        (found) => found.size,
        () => 0,
      );
      if (size < (to ?? from)) this.#places.set(step, { stage, from: Math.min(from, size) });
    }
  }
}

function fileOf(directory: string, runId: string): string {
  return path.join(directory, `.${runId}.steps`);
}
