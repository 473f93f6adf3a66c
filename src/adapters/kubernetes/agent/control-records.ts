import { InternalError } from '../../../base/errors.ts';

/** What the follower in the pod says about the step. */
export type ControlRecord =
  | { type: 'started' | 'alive' | 'lost' | 'ending' | 'unknown' | 'broken' | 'usage' | 'idle' }
  | {
      type: 'end';
      exitCode: number;
      logBytes: number;
      /** How much of the log is still in the pod: less when the step has deleted or truncated it. */
      availableBytes: number;
      outOfMemory: boolean;
      cancelled: boolean;
      /** undefined when both together are larger than what is handed over. */
      files: { output: Buffer; environment: Buffer } | undefined;
    };

const marker = Buffer.from('\u001eSLIPWAY ');
/** What the wrapper hands over of $SLIPWAY_OUTPUT and $SLIPWAY_ENV together. */
const largestFiles = 1024 * 1024;
const longestDiagnostics = 4096;

/** Takes the follower's standard error apart: records, and between them what the pod's own tools complain of. */
export class ControlParser {
  #pending = Buffer.alloc(0);
  #diagnostics = '';

  /** The tools' own words, bounded; for the message of an error. */
  get diagnostics(): string {
    return this.#diagnostics.trim();
  }

  /** @returns the records that are complete now */
  push(data: Buffer): ControlRecord[] {
    this.#pending = Buffer.concat([this.#pending, data]);
    const records: ControlRecord[] = [];
    for (;;) {
      const start = this.#pending.indexOf(marker);
      if (start < 0) {
        this.#skipTo(this.#pending.lastIndexOf(10) + 1);
        return records;
      }
      this.#skipTo(start);
      const end = this.#pending.indexOf(10);
      if (end < 0) return records;
      const fields = this.#pending.subarray(marker.length, end).toString('utf8').split(' ');
      const taken = this.#take(fields, end + 1);
      if (taken === undefined) return records;
      records.push(taken);
    }
  }

  #skipTo(position: number): void {
    if (position === 0) return;
    const skipped = this.#pending.subarray(0, position).toString('utf8');
    this.#diagnostics = (this.#diagnostics + skipped).slice(-longestDiagnostics);
    this.#pending = this.#pending.subarray(position);
  }

  #take(fields: string[], bodyStart: number): ControlRecord | undefined {
    const [type = '', ...numbers] = fields;
    switch (type) {
      case 'started':
      case 'alive':
      case 'lost':
      case 'ending':
      case 'unknown':
      case 'broken':
      case 'usage':
      case 'idle':
        this.#pending = this.#pending.subarray(bodyStart);
        return { type };
      case 'end':
        return this.#takeEnd(numbers.map(Number), bodyStart);
      default:
        throw new InternalError(`unknown message "${type}" from the agent`);
    }
  }

  #takeEnd(numbers: number[], bodyStart: number): ControlRecord | undefined {
    const [
      exitCode = Number.NaN,
      logBytes = 0,
      kills = 0,
      cancelled = 0,
      outputs = 0,
      values = 0,
      available = logBytes,
    ] = numbers;
    if (!Number.isInteger(exitCode))
      throw new InternalError('the agent gave no exit code at the end of a step');
    const total = outputs + values;
    const complete = total <= largestFiles;
    const bodyEnd = bodyStart + (complete ? total : 0);
    if (this.#pending.length < bodyEnd) return undefined;
    const body = this.#pending.subarray(bodyStart, bodyEnd);
    this.#pending = this.#pending.subarray(bodyEnd);
    const files = { output: body.subarray(0, outputs), environment: body.subarray(outputs) };
    return {
      type: 'end',
      exitCode,
      logBytes,
      availableBytes: Math.min(available, logBytes),
      outOfMemory: kills > 0,
      cancelled: cancelled === 1,
      files: complete ? files : undefined,
    };
  }
}
