import { Agent, type buildConnector, type Dispatcher } from 'undici';

/** A watch may be silent for long: its own loop looks after that. HTTP/1.1, since one HTTP/2 connection would be one to lose. */
export const poolOptions = { allowH2: false, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 };

/** Keep-alive as client-go has it; load balancers drop idle connections after a minute. */
export const connectOptions = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000 };

/** The pool of HTTP connections to one API server. */
export function createPool(tls: buildConnector.BuildOptions): Dispatcher {
  return new Agent({ ...poolOptions, connect: { ...tls, ...connectOptions } });
}
