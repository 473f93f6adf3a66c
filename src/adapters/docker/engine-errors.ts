import { defined } from '../../base/defined.ts';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import { BuilderUnavailableError, BuildError } from '../../ports/builder.ts';
import { RegistryError, type RegistryProblem } from '../../ports/registry.ts';

/** The engine `does not answer`, or it `gave up`: the connection broke, or the engine failed by itself. */
export function engineUnavailable(
  where: string,
  what: 'does not answer' | 'gave up',
  error: unknown,
): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const hints: Record<string, string> = {
    EACCES: 'the user needs the right to use the socket (group docker)',
    ENOENT: 'start Docker, or set image.docker.host, or use image.builder: layers',
    ECONNREFUSED: 'start Docker, or set image.docker.host, or use image.builder: layers',
  };
  const hint = typeof code === 'string' ? hints[code] : undefined;
  return new BuilderUnavailableError(`the Docker Engine at ${where} ${what}: ${messageOf(error)}`, {
    cause: error,
    ...defined({ hint }),
  });
}

const commandFailed = /returned a non-zero code|executor failed running|did not complete successfully/;
const engineTrouble = /no space left on device|failed to register layer|layer does not exist/i;
const unauthorized = /unauthorized|authentication required|no basic auth credentials|incorrect username/i;
const denied = /denied|forbidden|insufficient[_ ]scope/i;
const transient =
  /\b5\d\d\b|\b429\b|toomanyrequests|timeout|timed out|EOF|connection re(?:set|fused)|broken pipe|no such host|dial tcp|network is unreachable/i;

/** Whether what the engine said of a registry may go away by itself. */
export function isTransient(message: string): boolean {
  return transient.test(message) && !unauthorized.test(message);
}

/** What the engine said of a build that failed, as the error that it is. `step` names the failing instruction. */
export function buildFailure(message: string, step: string | undefined): SlipwayError {
  const text = `${step === undefined ? 'the build' : `Dockerfile step ${step}`} failed: ${message.trim()}`;
  if (commandFailed.test(message)) return new BuildError(text);
  if (engineTrouble.test(message)) return new BuilderUnavailableError(text);
  if (/pull access denied|manifest (?:unknown|for .* not found)|not found/i.test(message)) {
    return new BuildError(text, {
      hint: 'check the name of the base image, and image.credentials if it is private',
    });
  }
  if (unauthorized.test(message)) return new RegistryError('unauthorized', text);
  if (isTransient(message)) return new RegistryError('unreachable', text);
  return new BuildError(text);
}

/** What the engine said of a push that failed. */
export function pushFailure(reference: string, message: string): RegistryError {
  const problem = pushProblem(message);
  const hints: Partial<Record<RegistryProblem, string>> = {
    unauthorized: 'check the secret that image.credentials names',
    denied: 'the account needs the right to push to this repository',
    immutable: 'the registry keeps this tag as it is: push another tag',
    notFound: 'make the project in the registry first',
  };
  const hint = hints[problem];
  return new RegistryError(problem, `cannot push ${reference}: ${message.trim()}`, {
    ...defined({ hint }),
  });
}

function pushProblem(message: string): RegistryProblem {
  if (/immutable|412 Precondition/i.test(message)) return 'immutable';
  if (unauthorized.test(message)) return 'unauthorized';
  if (denied.test(message)) return 'denied';
  // Another build has just taken the same tag away from the engine: it is set again for the next attempt.
  if (/tag does not exist|does not exist locally/.test(message)) return 'unreachable';
  if (isTransient(message)) return 'unreachable';
  if (/name unknown|not found|\b404\b/i.test(message)) return 'notFound';
  return 'refused';
}
