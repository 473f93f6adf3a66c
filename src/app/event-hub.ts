import { defined } from '../base/defined.ts';
import { MaskedStream, type Masker } from '../base/mask.ts';
import { messageOf } from '../base/errors.ts';
import type { Reporter, TimedEvent } from '../ports/events.ts';

type StepEvent = Extract<TimedEvent, { type: 'step.output' | 'step.end' }>;

interface StepStream {
  id: string;
  masked: MaskedStream;
}

/** Where the hub logs a reporter's error, once for each reporter; it must not become the run's. */
export type Warn = (message: string, details: { reporter: number; error: string }) => void;

/**
 * The one place where a run's words leave: takes the secrets out of every event and hands it to all reporters.
 * Output is masked as a stream a step, so a secret printed in two writes is found too; what was held back is shown
 * at the step's end.
 */
export function createEventHub(reporters: readonly Reporter[], masker: Masker, warn: Warn): Reporter {
  const streams = new Map<string, StepStream>();

  const report = onceEach(masker, warn);

  async function deliver(event: TimedEvent): Promise<void> {
    for (const [index, reporter] of reporters.entries()) {
      try {
        await reporter.handle(event);
      } catch (error) {
        report('a reporter failed; later errors of it are not reported', index, error);
      }
    }
  }

  /** Delivers what a step's stream held back. */
  async function flush({ id, masked }: StepStream, event: StepEvent): Promise<void> {
    const chunk = masked.end();
    if (chunk.length === 0) return;
    const { runId, stage, step, at, sequence, shownBefore } = event;
    const output = { type: 'step.output', stage, step, id, chunk, offset: -1 } as const;
    await deliver({ ...output, ...defined({ shownBefore }), runId, at, sequence });
  }

  return {
    async handle(event: TimedEvent): Promise<void> {
      if (event.type !== 'step.output' && event.type !== 'step.end') {
        await deliver(masker.data(event));
        return;
      }
      const key = `${event.stage}\n${event.step}`;
      const open = streams.get(key);
      // A step that was lost with its pod has no end.
      if (open !== undefined && open.id !== event.id) await flush(open, event);
      const current = open?.id === event.id ? open : { id: event.id, masked: new MaskedStream(masker) };
      if (event.type === 'step.output') {
        streams.set(key, current);
        const chunk = current.masked.push(event.chunk);
        if (chunk.length > 0) await deliver({ ...event, chunk });
        return;
      }
      streams.delete(key);
      await flush(current, event);
      await deliver(event);
    },
    async close(): Promise<void> {
      for (const [index, reporter] of reporters.entries()) {
        try {
          await reporter.close();
        } catch (error) {
          report('a reporter could not finish', index, error);
        }
      }
    },
  };
}

/** Once: a file that is closed or a disk that is full fails with every event. Later events are tried all the same. */
function onceEach(masker: Masker, warn: Warn): (message: string, reporter: number, error: unknown) => void {
  const failed = new Set<number>();
  return (message, reporter, error) => {
    if (failed.has(reporter)) return;
    failed.add(reporter);
    warn(message, { reporter, error: masker.text(messageOf(error)) });
  };
}
