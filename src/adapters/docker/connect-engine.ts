import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import type { Agent } from '../../ports/agent.ts';
import type { EngineAddress } from '../../ports/builder.ts';
import { findEndpoint, type EngineEnvironment } from './engine-address.ts';

/**
 * Makes the client for an engine; nothing is sent yet. Every option that dockerode would take from the environment by
 * itself is given, so that it takes none.
 */
export async function connectEngine(
  address: EngineAddress,
  options: { environment: EngineEnvironment; signal: AbortSignal },
): Promise<Docker> {
  if (address.type === 'sidecar') {
    const agent = new PodPortAgent(address.agent, address.port, options.signal);
    return new Docker({
      ...nothing,
      host: 'localhost',
      port: address.port,
      protocol: 'http',
      agent,
    } as never);
  }
  const endpoint = await findEndpoint(address, options.environment);
  if (endpoint.type === 'socket') {
    return new Docker({ ...nothing, protocol: 'http', socketPath: endpoint.path } as never);
  }
  const { ca, certificate, key } = endpoint.certificates;
  return new Docker({
    ...nothing,
    host: endpoint.host,
    port: endpoint.port,
    protocol: endpoint.tls ? 'https' : 'http',
    ca,
    cert: certificate,
    key,
  } as never);
}

/** Overwrites what dockerode reads from DOCKER_HOST and its like. */
const nothing = {
  host: undefined,
  port: undefined,
  socketPath: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
  pathPrefix: '/',
};

/** An HTTP agent whose every connection is one to a port of the agent pod. */
class PodPortAgent extends HttpAgent {
  readonly #pod: Agent;
  readonly #port: number;
  readonly #signal: AbortSignal;

  constructor(pod: Agent, port: number, signal: AbortSignal) {
    super({ keepAlive: false });
    this.#pod = pod;
    this.#port = port;
    this.#signal = signal;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#pod.connect(this.#port, { signal: this.#signal }).then(
      (connection) => callback?.(null, connection),
      (error: unknown) => callback?.(error as Error, undefined as never),
    );
  }
}
