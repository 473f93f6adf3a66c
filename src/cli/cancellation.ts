import { CancelledError } from '../base/errors.ts';
import { exitCodes } from '../base/exit-code.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns the process's signals into one AbortSignal: the first one asks for a clean end (the agent pod is removed), a
 * second one ends the process at once.
 * @returns the signal, and a function that takes the handlers away
 */
export function cancelOnSignals(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const listener = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write(`${name}: cleaning up; once more to stop at once\n`);
    controller.abort(new CancelledError(`interrupted by ${name}`, { fault: 'interrupted' }));
  };
  for (const name of signals) process.on(name, listener);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, listener);
    },
  };
}
