import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpClient } from '../../src/adapters/http/http-client.ts';
import type { Exchange, ExchangeAnswer } from '../../src/adapters/http/transport.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HttpClient } from '../../src/ports/http.ts';
import { takeAnswer, type HttpAnswer, type ReceivedRequest } from '../support/http-faults.ts';

/** Servers that exist in memory alone, for tests of what asks by HTTP. */
export class ScriptedHttp {
  readonly received: ReceivedRequest[] = [];
  readonly #answers = new Map<string, HttpAnswer[]>();

  /** What is answered at an address without its query, one answer a request; the last one stays. */
  answer(url: string, ...answers: HttpAnswer[]): void {
    this.#answers.set(url, answers);
  }

  /** A client that reaches these servers by the rules of the real one. */
  client(clock: Clock): HttpClient {
    const closing = new AbortController();
    return httpClient({
      clock,
      transport: {
        exchange: (exchange) => this.#exchange(exchange, AbortSignal.any([exchange.signal, closing.signal])),
        close: () => {
          closing.abort(new Error('the client was closed'));
          return Promise.resolve();
        },
      },
    });
  }

  async #exchange(exchange: Exchange, signal: AbortSignal): Promise<ExchangeAnswer> {
    signal.throwIfAborted();
    validateHeaders(exchange.headers);
    const { method, url, headers } = exchange;
    const body = await bodyText(exchange.body);
    const path = `${url.pathname}${url.search}`;
    this.received.push({ method, path, headers: { ...headers, host: url.host }, body });
    const known = [...this.#answers.keys()].some((address) => new URL(address).host === url.host);
    if (!known) throw Object.assign(new Error(`connect ECONNREFUSED ${url.host}`), { code: 'ECONNREFUSED' });
    return this.#answer(takeAnswer(this.#answers, `${url.origin}${path}`), { exchange, body, signal });
  }

  async #answer(
    answer: HttpAnswer,
    { exchange, body, signal }: { exchange: Exchange; body: string; signal: AbortSignal },
  ): Promise<ExchangeAnswer> {
    const { silenceMs, method } = exchange;
    if (answer.type === 'answer') {
      const { delayMs = 0 } = answer;
      await sleep(Math.min(delayMs, silenceMs), undefined, { signal });
      if (delayMs > silenceMs) throw timeoutError('HEADERS');
    }
    if (answer.type === 'breaks' && answer.body === undefined)
      throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    const headers = answer.type === 'answer' ? answer.headers : undefined;
    const content = Readable.from(bodyOf(answer, { body, silenceMs, signal }), { objectMode: false });
    const status = answer.type === 'answer' ? answer.status : 200;
    return { status, headers: headers ?? {}, body: method === 'HEAD' ? Readable.from([]) : content };
  }
}

async function* bodyOf(
  answer: HttpAnswer,
  { body, silenceMs, signal }: { body: string; silenceMs: number; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const text = answer.type === 'echo' ? body : (answer.body ?? '');
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  if (answer.type === 'breaks')
    throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  if (answer.type !== 'stalls') return;
  await sleep(silenceMs, undefined, { signal });
  throw timeoutError('BODY');
}

function validateHeaders(headers: Exchange['headers']): void {
  for (const [name, value] of Object.entries(headers)) {
    if (/[\r\n]/.test(value))
      throw Object.assign(new Error(`invalid ${name} header`), { code: 'UND_ERR_INVALID_ARG' });
  }
}

async function bodyText(body: Exchange['body']): Promise<string> {
  if (body === undefined) return '';
  const chunks = Buffer.isBuffer(body) ? [body] : ((await body.toArray()) as (Buffer | string)[]);
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string))).toString();
}

function timeoutError(part: 'HEADERS' | 'BODY'): Error {
  return Object.assign(new Error(`${part} Timeout Error`), { code: `UND_ERR_${part}_TIMEOUT` });
}
