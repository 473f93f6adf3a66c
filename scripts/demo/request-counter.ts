import { Agent, request } from 'undici';

/** Milliseconds an answer may take. */
const timeoutMs = 10_000;
const clients = 4;

/**
 * Clients that ask a URL for its version all the time, half of them on kept connections and half on new ones, and
 * count what they get.
 */
export class RequestCounter {
  requests = 0;
  failures = 0;
  readonly errors: string[] = [];
  /** Answers by version. */
  readonly versions = new Map<string, number>();
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  #loops: Promise<void>[] = [];

  constructor(signal: AbortSignal) {
    this.#signal = AbortSignal.any([signal, this.#ended.signal]);
  }

  get running(): boolean {
    return this.#loops.length > 0;
  }

  start(url: string): void {
    this.#loops = Array.from({ length: clients }, (_item, index) => this.#ask(url, index % 2 === 0));
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#loops);
  }

  /** `requests: 5120, lost: 0 (1.0.0: 2210, 2.0.0: 2910)` */
  summary(): string {
    const versions = [...this.versions].map(([version, count]) => `${version}: ${String(count)}`).join(', ');
    return `requests: ${String(this.requests)}, lost: ${String(this.failures)}${versions === '' ? '' : ` (${versions})`}`;
  }

  async #ask(url: string, keepAlive: boolean): Promise<void> {
    const dispatcher = new Agent({ connections: 1, pipelining: keepAlive ? 1 : 0 });
    try {
      while (!this.#signal.aborted) {
        this.requests++;
        try {
          const { statusCode, body } = await request(url, {
            dispatcher,
            signal: AbortSignal.timeout(timeoutMs),
          });
          const text = await body.text();
          if (statusCode !== 200) throw new Error(`status ${String(statusCode)}`);
          const { version } = JSON.parse(text) as { version: string };
          this.versions.set(version, (this.versions.get(version) ?? 0) + 1);
        } catch (error) {
          this.failures++;
          if (this.errors.length < 10) this.errors.push(`${new Date().toISOString()} ${String(error)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      await dispatcher.close();
    }
  }
}
