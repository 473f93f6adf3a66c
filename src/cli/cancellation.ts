import { CancelledError } from '../base/errors.ts';
import { exitCodes } from '../base/exit-code.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Reporters notice by themselves that their reader has gone; errors of other writes are ignored. */
const ignoreError = () => undefined;

/** A terminal that hangs up fails every write from then on (EIO), which must not end the process before its cleanup. */
function outliveTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', ignoreError); // once, however many runs a process has
    stream.on('error', ignoreError);
  }
}

/**
 * Turns the process's signals into one AbortSignal: the first one asks for a clean end (the agent pod is removed), a
 * second one ends the process at once.
 * @param doing what the first one is answered with; a command that only watches has nothing to clean up
 * @returns the signal, and a function that takes the handlers away
 */
export function cancelOnSignals(doing = 'cleaning up'): { signal: AbortSignal; dispose: () => void } {
  outliveTerminal();
  const controller = new AbortController();
  const listener = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write(`${name}: ${doing}; send it again to stop at once\n`);
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
