import { parseDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import { ForbiddenError, UnauthorizedError } from '../../ports/cluster-errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { CheckResult } from './check-result.ts';
import { openConnection, type Reach } from '../../probes/open-connection.ts';
import type { TcpCheck } from './settings.ts';

/**
 * Milliseconds in which a connection must not break to count as accepted: through the API server it is open before the
 * pod's port has been tried, and a refusal comes after.
 */
const stableMs = 1000;

/** Connects once. @throws ForbiddenError, UnauthorizedError, or the signal's reason */
export async function checkTcp(check: TcpCheck, reach: Reach, options: CallOptions): Promise<CheckResult> {
  const limit = AbortSignal.timeout(parseDuration(check.timeout ?? '10s'));
  const target = `${check.host}:${String(check.port)}`;
  try {
    const signal = AbortSignal.any([options.signal, limit]);
    const opened = await openConnection(check, reach, { signal });
    if (opened.type === 'closed') return { passed: false, message: `${target}: ${opened.reason}` };
    const { stream, to } = opened;
    const stable = AbortSignal.timeout(stableMs);
    try {
      // A server that speaks first, or stays silent, is there; one that breaks the connection off is not.
      const refused = await new Promise<string | undefined>((resolve) => {
        stream.once('data', () => resolve(undefined));
        stream.once('error', (error: Error) => resolve(error.message));
        stream.once('end', () => resolve('the connection was closed at once'));
        AbortSignal.any([signal, stable]).addEventListener('abort', () => resolve(undefined), {
          once: true,
        });
      });
      signal.throwIfAborted();
      return refused === undefined
        ? { passed: true, message: `${target} accepts connections${to === check.host ? '' : ` (${to})`}` }
        : { passed: false, message: `${target}: ${refused}` };
    } finally {
      stream.on('error', () => undefined);
      stream.destroy();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof ForbiddenError || error instanceof UnauthorizedError) throw error;
    const reason = limit.aborted ? `no connection within ${check.timeout ?? '10s'}` : messageOf(error);
    return { passed: false, message: `${target}: ${reason}` };
  }
}
