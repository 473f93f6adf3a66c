import { messageOf } from '../../base/errors.ts';
import { HttpError } from '../../ports/http.ts';
import { RegistryError, type RegistryProblem } from '../../ports/registry.ts';

/** What was being done, for messages: `push a layer of`, `read the manifest of`. */
export interface Attempted {
  action: string;
  /** Host and repository, with tag or digest where there is one. */
  target: string;
}

const problems: Record<number, RegistryProblem> = {
  401: 'unauthorized',
  403: 'denied',
  404: 'notFound',
  412: 'immutable',
};

const hints: Partial<Record<RegistryProblem, string>> = {
  unauthorized: 'check the secret that image.credentials names',
  denied: 'the account needs the right to do this in the repository',
  immutable: 'the registry keeps this tag as it is: push another tag',
};

/** The error of an answer that is not a success; `body` is what the registry said. */
export function answerError(attempted: Attempted, status: number, body: string): RegistryError {
  const said = registryMessages(body);
  const problem = problemOf(status, said);
  const hint = hints[problem];
  const text = `cannot ${attempted.action} ${attempted.target}: ${String(status)}${said === '' ? '' : ` ${said}`}`;
  return new RegistryError(problem, text, hint === undefined ? {} : { hint });
}

/** The error of a request that got no answer. */
export function connectionError(attempted: Attempted, error: unknown): RegistryError {
  const reason = error instanceof HttpError ? error.reason : messageOf(error);
  const insecure = /wrong version number|packet length too long|ssl3_get_record/i.test(reason);
  const final = error instanceof HttpError && ['redirects', 'invalid', 'too-large'].includes(error.problem);
  return new RegistryError(
    final ? 'invalid' : 'unreachable',
    `cannot ${attempted.action} ${attempted.target}: ${reason}`,
    {
      cause: error,
      ...(insecure
        ? { hint: 'the registry seems to speak plain HTTP, which is used for loopback addresses only' }
        : {}),
    },
  );
}

function problemOf(status: number, said: string): RegistryProblem {
  if (/immutable/i.test(said)) return 'immutable';
  if (status === 429 || status >= 500) return 'unreachable';
  return problems[status] ?? 'refused';
}

/** The messages of the distribution API's error body; the start of the text when it is something else. */
function registryMessages(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: { code?: string; message?: string }[] };
    if (Array.isArray(errors))
      return errors
        .map((one) => one.message ?? one.code ?? '')
        .join('; ')
        .slice(0, 500);
  } catch {
    // Not JSON: a proxy's page, most likely.
  }
  return body
    .replaceAll(/<[^>]*>|\s+/g, ' ')
    .trim()
    .slice(0, 200);
}
