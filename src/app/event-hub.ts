import { MaskedStream, type Masker } from '../base/mask.ts';
import { messageOf } from '../base/errors.ts';
import type { Reporter, TimedEvent } from '../ports/events.ts';

/** What the hub tells the log: a reporter's trouble must not become the run's. */
export type Warn = (message: string, details: { reporter: number; error: string }) => void;

/**
 * The one place where a run's words leave: takes the secrets out of every event and hands it to all reporters.
 * Output is masked as a stream a step, so a secret printed in two writes is found too; what was held back is shown
 * at the step's end.
 */
export function createEventHub(reporters: readonly Reporter[], masker: Masker, warn: Warn): Reporter {
  const streams = new Map<string, MaskedStream>();

  async function deliver(event: TimedEvent): Promise<void> {
    for (const [index, reporter] of reporters.entries()) {
      try {
        await reporter.handle(event);
      } catch (error) {
        warn('a reporter failed on an event', { reporter: index, error: masker.text(messageOf(error)) });
      }
    }
  }

  return {
    async handle(event: TimedEvent): Promise<void> {
      if (event.type !== 'step.output' && event.type !== 'step.end') {
        await deliver(masker.data(event));
        return;
      }
      const key = `${event.stage}\n${event.step}`;
      const stream = streams.get(key) ?? new MaskedStream(masker);
      if (event.type === 'step.output') {
        streams.set(key, stream);
        const chunk = stream.push(event.chunk);
        if (chunk.length > 0) await deliver({ ...event, chunk });
        return;
      }
      streams.delete(key);
      const rest = stream.end();
      if (rest.length > 0) {
        const { stage, step, at, sequence } = event;
        await deliver({ type: 'step.output', stage, step, chunk: rest, offset: -1, at, sequence });
      }
      await deliver(event);
    },
    async close(): Promise<void> {
      for (const [index, reporter] of reporters.entries()) {
        try {
          await reporter.close();
        } catch (error) {
          warn('a reporter could not finish', { reporter: index, error: masker.text(messageOf(error)) });
        }
      }
    },
  };
}
