import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Duplex } from 'node:stream';
import Docker from 'dockerode';
import type { EngineAddress } from '../../ports/builder.ts';
import { findEndpoint, type EngineEnvironment } from './engine-address.ts';

/** A client, and the end of all its connections. */
export interface EngineConnection {
  engine: Docker;
  /** Destroys every connection, those too that dockerode has turned into BuildKit sessions and would leave open. */
  readonly close: () => void;
}

/**
 * Makes the client for an engine; nothing is sent yet. Every option that dockerode would take from the environment by
 * itself is given, so that it takes none.
 */
export async function connectEngine(
  address: EngineAddress,
  options: { environment: EngineEnvironment; signal: AbortSignal },
): Promise<EngineConnection> {
  const open = new Set<Duplex>();
  const close = () => {
    for (const socket of open) socket.destroy();
  };
  if (address.type === 'sidecar') {
    const agent = new PodPortAgent(address, options.signal, open);
    const pod = { host: 'localhost', port: address.port, protocol: 'http', agent };
    return { engine: new Docker({ ...nothing, ...pod } as never), close };
  }
  const endpoint = await findEndpoint(address, options.environment);
  if (endpoint.type === 'socket') {
    const socket = { protocol: 'http', socketPath: endpoint.path, agent: track(new HttpAgent(), open) };
    return { engine: new Docker({ ...nothing, ...socket } as never), close };
  }
  const { host, port, tls } = endpoint;
  const { ca, certificate: cert, key } = endpoint.certificates;
  const agent = track(tls ? new HttpsAgent() : new HttpAgent(), open);
  const tcp = { host, port, protocol: tls ? 'https' : 'http', ca, cert, key, agent };
  return { engine: new Docker({ ...nothing, ...tcp } as never), close };
}

/** Notes every connection that an agent makes. */
function track<A extends HttpAgent>(agent: A, open: Set<Duplex>): A {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = create(options, callback);
    if (socket instanceof Duplex) open.add(socket);
    return socket;
  };
  return agent;
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
  readonly #address: Extract<EngineAddress, { type: 'sidecar' }>;
  readonly #signal: AbortSignal;
  readonly #open: Set<Duplex>;

  constructor(address: Extract<EngineAddress, { type: 'sidecar' }>, signal: AbortSignal, open: Set<Duplex>) {
    super({ keepAlive: false });
    this.#address = address;
    this.#signal = signal;
    this.#open = open;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { agent, port } = this.#address;
    agent.connect(port, { signal: this.#signal }).then(
      (connection) => {
        this.#open.add(connection);
        callback?.(null, connection);
      },
      (error: unknown) => callback?.(error as Error, undefined as never),
    );
  }
}
