import type { RunEvent } from '../ports/events.ts';

/**
 * Bytes before the place where an earlier runner stopped that are read again, so that a secret or a line that stands
 * across it is seen whole. Longer than any secret.
 */
const overlapBytes = 64 * 1024;

type StepOutput = Extract<RunEvent, { type: 'step.output' }>;

/**
 * Where to follow each step from: a little before what was shown, or the beginning where somebody keeps whole logs and
 * lacks this one.
 */
export function followOffsets(
  shown: Readonly<Record<string, number>>,
  lacksLog: (stepId: string) => boolean,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(shown).map(([id, bytes]) => [id, lacksLog(id) ? 0 : Math.max(0, bytes - overlapBytes)]),
  );
}

/** A step's output as events that are either wholly shown before or not. */
export function markShown(event: StepOutput, shown: Readonly<Record<string, number>>): StepOutput[] {
  const { chunk, offset } = event;
  const before = (shown[event.id] ?? 0) - offset;
  if (before <= 0) return [event];
  if (before >= chunk.length) return [{ ...event, shownBefore: true }];
  return [
    { ...event, chunk: chunk.subarray(0, before), shownBefore: true },
    { ...event, chunk: chunk.subarray(before), offset: offset + before },
  ];
}
