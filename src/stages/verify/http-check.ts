import type { CallOptions } from '../../ports/cluster.ts';
import { askHttp } from '../../probes/ask-http.ts';
import { openConnection, type Reach } from '../../probes/open-connection.ts';
import type { CheckResult } from './check-result.ts';
import { unmet } from './expectation.ts';
import type { HttpCheck } from './settings.ts';

/**
 * Asks once and compares the answer with what is expected. Trouble of the connection is a failed check, to be tried
 * again; only what no attempt can mend is thrown.
 * @param headers with their secrets filled in
 * @throws ForbiddenError, UnauthorizedError, or the signal's reason
 */
export async function checkHttp(
  check: HttpCheck,
  headers: Readonly<Record<string, string>>,
  reach: Reach,
  options: CallOptions,
): Promise<CheckResult> {
  const { url, method, body, redirects, tls, expect, timeout = '10s' } = check;
  const probed = await askHttp(
    { url: new URL(url), method, headers, body, redirects, tls, timeout },
    (target, call) => openConnection(target, reach, call),
    options,
  );
  if (probed.type === 'failed') return { passed: false, message: `${probed.url.href}: ${probed.reason}` };
  const { answer, to } = probed;
  const problem = unmet(answer, expect ?? {});
  const who = to === probed.url.hostname ? '' : ` (${to})`;
  return problem === undefined
    ? { passed: true, message: `${probed.url.href} answered ${String(answer.status)}${who}` }
    : { passed: false, message: `${probed.url.href}${who}: ${problem}` };
}
