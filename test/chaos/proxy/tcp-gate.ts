import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Direction = 'sent' | 'answered';

interface Pair {
  client: Socket;
  upstream: Socket;
  /** What is not handed on any more; a connection that is frozen says nothing of its end either. */
  frozen: Set<Direction>;
}

/** Passes TCP connections on to a server, and does to them what networks do. Bytes go through it untouched. */
export class TcpGate {
  /** Milliseconds that each chunk takes longer, in either direction. */
  latencyMs = 0;
  /** For each connection and direction. */
  bytesPerSecond = Infinity;
  /** While so many connections are open, further ones are reset. */
  connectionLimit = Infinity;
  /** Called with every chunk from the server; for a test that cuts at a certain byte. */
  onData: ((bytes: number) => void) | undefined;
  /** Called with every chunk to the server. */
  onSent: ((bytes: number) => void) | undefined;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isDown = false;

  private constructor(target: { host: string; port: number }) {
    this.#server = createServer((client) => this.#join(client, target));
  }

  /** Starts a gate on a free port of this machine. */
  static async start(target: { host: string; port: number }): Promise<TcpGate> {
    const gate = new TcpGate(target);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection. */
  cut(): void {
    for (const { client, upstream } of [...this.#pairs]) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** While true, every connection is cut and new ones are reset: an API server that is down. */
  setDown(isDown: boolean): void {
    this.#isDown = isDown;
    if (isDown) this.cut();
  }

  /**
   * Keeps every present connection open and lets nothing more through it; new ones work. `answers`: what the client
   * sends still arrives, and nothing comes back (half-open).
   */
  freeze(what: 'all' | 'answers' = 'all'): void {
    for (const { frozen } of this.#pairs) {
      frozen.add('answered');
      if (what === 'all') frozen.add('sent');
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, { host, port }: { host: string; port: number }): void {
    client.on('error', () => undefined);
    if (this.#isDown || this.#pairs.size >= this.connectionLimit) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(port, host);
    const pair = { client, upstream, frozen: new Set<Direction>() };
    this.#pairs.add(pair);
    this.#forward(pair, client, upstream, 'sent');
    this.#forward(pair, upstream, client, 'answered');
  }

  #forward(pair: Pair, from: Socket, to: Socket, direction: Direction): void {
    from.on('data', (chunk: Buffer) => {
      (direction === 'sent' ? this.onSent : this.onData)?.(chunk.length);
      from.pause();
      void this.#pass(chunk, to, () => pair.frozen.has(direction)).finally(() => from.resume());
    });
    from.on('end', () => {
      if (!pair.frozen.has(direction)) to.end();
    });
    from.on('error', () => undefined);
    from.on('close', (hadError) => {
      if (from === pair.client) this.#pairs.delete(pair);
      if (from === pair.upstream && pair.frozen.has(direction)) return;
      if (hadError || from === pair.client) to.destroy();
    });
  }

  async #pass(chunk: Buffer, to: Socket, isFrozen: () => boolean): Promise<void> {
    const slownessMs = this.latencyMs + (chunk.length * 1000) / this.bytesPerSecond;
    if (slownessMs > 0) await sleep(slownessMs);
    if (isFrozen() || to.destroyed || to.write(chunk)) return;
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([once(to, 'drain', { signal }), once(to, 'close', { signal })]).catch(() => undefined);
    over.abort();
  }
}
