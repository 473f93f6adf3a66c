import { Masker } from '../../base/mask.ts';
import { InputError, messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { RunOutcome } from '../../ports/events.ts';
import { bindNamespace } from '../../plan/compile-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { createEventHub } from '../event-hub.ts';
import { planFile } from '../plan-file.ts';
import type { Reporters } from '../reporters.ts';
import { loadRun } from '../runs.ts';
import { createSecretReader } from '../secret-reader.ts';
import { RunFollower, type FollowRequest } from './run-follower.ts';

/** Which run is followed, and how it is shown. */
export interface AttachRequest extends FollowRequest {
  runId: string;
  reporters: Reporters;
  logger: Logger;
}

/**
 * Shows a run that another runner owns, from its record and the logs in its pod. Reads only; several may do so at once.
 * Its secrets have to be readable here, since what is shown must be masked.
 * @returns the outcome; undefined when it was left before its end (`once`, `untilAbandoned`)
 * @throws InputError when there is no such run, or a secret of it cannot be read here
 */
export async function attach(request: AttachRequest): Promise<RunOutcome | undefined> {
  const { connection, runId, signal } = request;
  const { record } = await loadRun(connection, runId, signal);
  const file = { ...record.source, directory: '/' };
  const plan = bindNamespace(planFile(file, record).plan, record.namespace);
  await request.reporters.checkLogs?.(plan.nodes.map(({ name }) => name));
  const masker = await maskerOf(plan, request);
  const hub = createEventHub(request.reporters.all, masker, (message, details) =>
    request.logger.warn(message, { ...details }),
  );
  const follower = new RunFollower(request, plan, hub);
  try {
    return await follower.follow(record);
  } finally {
    await hub.close();
  }
}

async function maskerOf(plan: Plan, { connection, logger, signal }: AttachRequest): Promise<Masker> {
  const masker = new Masker();
  const secrets = createSecretReader({
    sources: plan.secrets,
    cluster: connection.cluster,
    namespace: plan.namespace,
    masker,
    environment: process.env,
    onWeakSecret: (secret) =>
      logger.warn('a secret, or a part of it, is too short to be masked in output', { secret }),
    // A secret that the sandbox generated is known to the runner alone and was never anybody's.
    ...(connection.sandbox ? { generate: () => new Map() } : {}),
  });
  for (const name of Object.keys(plan.secrets)) {
    await secrets.read(name, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new InputError(
        `the run's output cannot be shown here, since it could not be masked: ${messageOf(error)}`,
        {
          hint: 'run this where the secret can be read',
          cause: error,
        },
      );
    });
  }
  return masker;
}
