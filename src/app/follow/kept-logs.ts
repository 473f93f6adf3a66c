import { logName } from '../../adapters/report/log-files.ts';
import { OutputFolder } from '../../base/files/output-folder.ts';
import type { RunEvent } from '../../ports/events.ts';

/** The logs of a run that its runner kept on this machine. The folder may lie in a checkout: no link is followed. */
export class KeptLogs {
  readonly #folder: OutputFolder;
  /** Whether there was a log of any stage that was asked for. */
  hasFound = false;

  constructor(directory: string) {
    this.#folder = new OutputFolder(directory);
  }

  /**
   * A stage's log as its output, in pieces; none when there is none.
   * @throws RefusedPathError, FileError
   */
  async *outputOf(stage: string): AsyncGenerator<RunEvent> {
    const file = await this.#folder.openToRead(logName(stage));
    if (file === undefined) return;
    this.hasFound = true;
    const about = { stage, step: 'log', id: `${stage}.log` };
    let offset = 0;
    for await (const chunk of file.createReadStream()) {
      const bytes = chunk as Buffer;
      yield { type: 'step.output', ...about, chunk: bytes, offset };
      offset += bytes.length;
    }
    yield { type: 'step.end', ...about };
  }
}
