import { Dispatcher } from 'undici';
import type { Connection } from '../../../src/adapters/kubernetes/client/connection.ts';
import type { SimulatedApi, WireAnswer, WireRequest } from './simulated-api.ts';
import type { VirtualTime } from './virtual-time.ts';

/**
 * What becomes of one request:
 * - `drop`: reset before it reaches the API
 * - `lose`: done, and reset instead of the answer
 * - `delay`: done, and answered when the client has given the attempt up
 * - `late`: reaches the API when the client has given the attempt up, and is done then
 * - `unavailable`: answered by 503, nothing done
 */
export type Fate = 'pass' | Fault;

/** What may go wrong with one request; see {@link Fate}. */
export const faults = ['drop', 'lose', 'delay', 'late', 'unavailable'] as const;
export type Fault = (typeof faults)[number];

/** One reason for all: an error made for each is a tenth of the time that a history takes. */
const overReason = new Error('the exchange is over');

/** Milliseconds; longer than an attempt of the client may take. */
const beyondLimitMs = 25_000;

/** How one process is connected to the API. */
export interface NetworkOptions {
  time: VirtualTime;
  api: SimulatedApi;
  /** Who sends, for those who look at what arrives. */
  sender: string;
  /** Milliseconds that a request or an answer takes. */
  latencyMs: () => number;
  fate: (request: WireRequest) => Fate;
  /** Resolves when the process runs: at once, after a SIGCONT, or never when it is dead. */
  running: () => Promise<void>;
  /** Whether nothing passes in either direction. */
  isCut: () => boolean;
  /** Called when a request has arrived, before it is done; what it returns, with the status of the answer. */
  onArrival: (request: WireRequest, sender: string) => (status: number) => void;
}

/** The way from one process to the API, with the faults that it is told. */
export class SimulatedNetwork extends Dispatcher {
  readonly #options: NetworkOptions;

  constructor(options: NetworkOptions) {
    super();
    this.#options = options;
  }

  connection(): Connection {
    return {
      name: 'simulated',
      server: 'https://api',
      namespace: 'ci',
      dispatcher: this,
      headers: async () => ({}),
      socketOptions: () => Promise.reject(new Error('a simulated API has no WebSockets')),
      forgetCredentials: () => undefined,
      close: async () => undefined,
    };
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const exchange = new Exchange(handler);
    const headers = options.headers as Record<string, string>;
    const request: WireRequest = {
      method: options.method,
      path: options.path,
      contentType: headers['content-type'] ?? '',
      body: typeof options.body === 'string' ? options.body : '',
      sentAtMs: this.#options.time.nowMs,
    };
    void this.#carry(request, exchange);
    return true;
  }

  async #carry(request: WireRequest, exchange: Exchange): Promise<void> {
    const { time, latencyMs, running, fate: fateOf } = this.#options;
    await running();
    if (exchange.stopped.aborted) return;
    const fate = fateOf(request);
    await time.sleep(fate === 'late' ? beyondLimitMs : latencyMs());
    if (await this.#isCut()) return this.#reset(exchange);
    if (fate === 'drop') return this.#reset(exchange);
    if (fate === 'unavailable')
      return this.#answer(exchange, { status: 503, body: { message: 'made to fail' } });
    if (request.path.includes('watch=true')) {
      if (fate !== 'pass') return this.#reset(exchange);
      return this.#stream(request, exchange);
    }
    const onAnswer = this.#options.onArrival(request, this.#options.sender);
    const answer = await this.#options.api.handle(request);
    onAnswer(answer.status);
    await time.sleep(fate === 'delay' ? beyondLimitMs : latencyMs());
    if (fate === 'lose' || (await this.#isCut())) return this.#reset(exchange);
    await this.#answer(exchange, answer);
  }

  /** A client behind a cut learns of it after a while. */
  async #isCut(): Promise<boolean> {
    if (!this.#options.isCut()) return false;
    await this.#options.time.sleep(3000);
    return true;
  }

  async #reset(exchange: Exchange): Promise<void> {
    await this.#options.running();
    exchange.fail(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }

  async #answer(exchange: Exchange, { status, body }: WireAnswer): Promise<void> {
    await this.#options.running();
    exchange.start(status);
    exchange.data(JSON.stringify(body));
    exchange.end();
  }

  async #stream(request: WireRequest, exchange: Exchange): Promise<void> {
    const { api, running, time, latencyMs, isCut } = this.#options;
    const events = api.watch(request.path, exchange.stopped);
    if (events === undefined) return this.#answer(exchange, { status: 410, body: { message: 'too old' } });
    await running();
    exchange.start(200);
    for await (const line of events) {
      await time.sleep(latencyMs());
      // A stream that was cut says nothing and ends when there is a way again.
      if (isCut()) {
        while (isCut()) await time.sleep(1000);
        return this.#reset(exchange);
      }
      await running();
      exchange.data(line);
    }
  }
}

/** One request's answer, as undici's handlers want it told. */
class Exchange {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #stop = new AbortController();
  readonly #controller: Dispatcher.DispatchController;
  #isOver = false;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
    const wasEnded = () => this.#isOver;
    this.#controller = {
      get aborted() {
        return wasEnded();
      },
      paused: false,
      reason: null,
      pause: () => undefined,
      resume: () => undefined,
      abort: (reason: Error) => this.fail(reason),
    };
    handler.onRequestStart?.(this.#controller, {});
  }

  /** Aborted when the client has turned away, or everything was said. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  start(status: number): void {
    if (!this.#isOver) this.#handler.onResponseStart?.(this.#controller, status, {}, '');
  }

  data(text: string): void {
    if (!this.#isOver) this.#handler.onResponseData?.(this.#controller, Buffer.from(text));
  }

  end(): void {
    if (this.#isOver) return;
    this.#over();
    this.#handler.onResponseEnd?.(this.#controller, {});
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#over();
    this.#handler.onResponseError?.(this.#controller, error);
  }

  #over(): void {
    this.#isOver = true;
    this.#stop.abort(overReason);
  }
}
