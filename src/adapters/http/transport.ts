import type { Readable } from 'node:stream';
import type { HttpRequest, HttpTrust } from '../../ports/http.ts';

/** One request as it goes over the wire. */
export interface Exchange {
  method: HttpRequest['method'];
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: Buffer | Readable | undefined;
  trust: HttpTrust;
  silenceMs: number;
  signal: AbortSignal;
}

/** One answer. */
export interface ExchangeAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Readable;
}

/** Sends single requests: no redirects, no further attempts. Errors are those of the library behind it. */
export interface Transport {
  exchange(exchange: Exchange): Promise<ExchangeAnswer>;
  close(): Promise<void>;
}
