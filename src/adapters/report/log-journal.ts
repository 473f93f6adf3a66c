import type { OutputFolder } from '../../base/files/output-folder.ts';
import * as z from '../../base/zod.ts';

/** Bytes of the largest journal that is read: far more than a run's steps take. */
const largestJournal = 64 * 1024 * 1024;

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
 * can continue files that this one left in the middle. A line is written before the bytes of a step, another one after
 * them; what stands in a log file behind the last line is not trusted.
 */
export class LogJournal {
  readonly #folder: OutputFolder;
  readonly #file: string;
  readonly #places = new Map<string, Place>();

  private constructor(folder: OutputFolder, runId: string) {
    this.#folder = folder;
    this.#file = `.${runId}.steps`;
  }

  /** A journal without entries; that of an earlier runner of the run is removed. */
  static async create(folder: OutputFolder, runId: string): Promise<LogJournal> {
    const journal = new LogJournal(folder, runId);
    await journal.remove();
    return journal;
  }

  /** The journal that an earlier runner of the run left; undefined when it left none in this folder. */
  static async open(
    folder: OutputFolder,
    runId: string,
    fileOfStage: (stage: string) => string,
  ): Promise<LogJournal | undefined> {
    const journal = new LogJournal(folder, runId);
    const text = await journal.#text();
    if (text === undefined) return undefined;
    for (const line of text.split('\n')) journal.#read(line);
    if (!text.endsWith('\n')) await journal.#append('\n'); // the runner died in the middle of a line
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

  /** Removes the journal: the run has ended, and has no next runner. */
  async remove(): Promise<void> {
    await this.#folder.removeFile(this.#file);
  }

  async #write(line: Place & { step: string }): Promise<void> {
    await this.#append(`${JSON.stringify(line)}\n`);
    this.#take(line);
  }

  async #text(): Promise<string | undefined> {
    const file = await this.#folder.openToRead(this.#file);
    try {
      if (file === undefined || (await file.stat()).size > largestJournal) return undefined;
      return await file.readFile('utf8');
    } finally {
      await file?.close();
    }
  }

  async #append(text: string): Promise<void> {
    const file = await this.#folder.openFile(this.#file);
    try {
      await file.write(text, (await file.stat()).size);
    } finally {
      await file.close();
    }
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
      const size = await this.#sizeOf(fileOfStage(stage));
      if (size < (to ?? from)) this.#places.set(step, { stage, from: Math.min(from, size) });
    }
  }

  async #sizeOf(name: string): Promise<number> {
    const file = await this.#folder.openToRead(name);
    try {
      return file === undefined ? 0 : (await file.stat()).size;
    } finally {
      await file?.close();
    }
  }
}
