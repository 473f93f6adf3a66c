import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { checkPulls, warningOfPull } from './check-pulls.ts';
import type { LoginPlace } from './look-for-logins.ts';
import type { PullPlan } from './pull-plan.ts';

/** Milliseconds that a run waits for the answer; what is not known by then is not told. */
const patienceMs = 10_000;

/** What a run tells before it makes anything. */
export interface PullWarnings {
  plan: PullPlan;
  connection: LoginPlace;
  /** Of the pipeline file. */
  directory: string;
  logger: Logger;
}

/** Warns of pods that will have no login for what the run is about to push. Never ends a run, but by its signal. */
export async function warnOfPulls(
  { plan, connection, directory, logger }: PullWarnings,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  try {
    for (const checked of await checkPulls(plan, connection, { directory, signal: limited })) {
      const warning = warningOfPull(checked);
      if (checked.state === 'missing' && warning !== undefined) logger.warn(warning);
      else if (warning !== undefined) logger.info(warning);
    }
  } catch (error) {
    signal.throwIfAborted();
    logger.info('whether pods can pull what the run pushes was not looked at', { reason: messageOf(error) });
  }
}
