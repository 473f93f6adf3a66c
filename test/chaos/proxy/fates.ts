import { Transform } from 'node:stream';

/** What may go wrong with one request. */
export const fates = [
  /** Answered by 500 before it reaches the server. */
  'fail',
  /** Answered by 503 before it reaches the server. */
  'unavailable',
  /** Answered by 429 before it reaches the server, to be repeated after a second. */
  'throttle',
  /** Answered by 409 before it reaches the server, as if another had written the object meanwhile. */
  'conflict',
  /** Reaches the server, but its answer never comes. */
  'stall',
  /** Answered by a reset after the server has done it. */
  'lose',
  /** Done, and reset in the middle of the answer's body. */
  'truncate',
  /** Answered by what the same request was answered before. */
  'stale',
  /** A watch whose events all come twice. */
  'double',
  /** A watch that ends in the middle of its first event. */
  'break',
] as const;

/** What becomes of one request; `forbid`: answered by 403 before it reaches the server, as for want of a right. */
export type Fate = 'pass' | 'forbid' | (typeof fates)[number];

/** An answer that a fault gives in the server's place. */
export interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const refusals: Partial<Record<Fate, { status: number; reason: string; message: string }>> = {
  fail: { status: 500, reason: 'InternalError', message: 'made to fail' },
  forbid: { status: 403, reason: 'Forbidden', message: 'made to be forbidden' },
  unavailable: { status: 503, reason: 'ServiceUnavailable', message: 'made to be unavailable' },
  throttle: { status: 429, reason: 'TooManyRequests', message: 'made to throttle' },
  conflict: {
    status: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
  },
};

/** The answer to a request that does not reach the server; undefined when it does. */
export function refusalOf(fate: Fate): Refusal | undefined {
  const refusal = refusals[fate];
  if (refusal === undefined) return undefined;
  const { status: code, reason, message } = refusal;
  return {
    status: code,
    headers: {
      'content-type': 'application/json',
      ...(code === 429 ? { 'retry-after': '1' } : {}),
    },
    body: JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code }),
  };
}

/** Hands each line of a watch on as `change` says. */
export function changeLines(change: (line: string) => string): Transform {
  let rest = '';
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      done(null, Buffer.from(lines.map((line) => change(`${line}\n`)).join(''), 'latin1'));
    },
    flush: (done) => done(null, Buffer.from(rest, 'latin1')),
  });
}
