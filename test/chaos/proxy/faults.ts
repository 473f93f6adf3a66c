import { Random } from '../world/random.ts';
import type { ApiProxy } from './api-proxy.ts';
import { fates } from './fates.ts';
import type { TcpGate } from './tcp-gate.ts';

/** What may happen to all connections of a runner for a while, or at once. */
const connectionFaults = [
  'reset',
  'freeze',
  'halfOpen',
  'latency',
  'bandwidth',
  'connectionLimit',
  'outage',
] as const;

type ConnectionFault = (typeof connectionFaults)[number];
type RequestFault = (typeof fates)[number];

/** All that the proxy can do to a run. */
const faultKinds: readonly (ConnectionFault | RequestFault)[] = [...connectionFaults, ...fates];

/** One fault of one run, which follows from its seed alone. */
export interface Fault {
  seed: number;
  kind: ConnectionFault | RequestFault;
  /** Which of the requests that it can happen to meets it, as a share of them all. */
  at: number;
  /** How long it lasts, where it lasts; milliseconds. */
  forMs: number;
  /** How bad it is, from 0 to 1. */
  strength: number;
}

/** The fault of a seed: seeds that follow each other are of all kinds. */
export function faultOf(seed: number): Fault {
  const random = new Random(seed);
  return {
    seed,
    kind: faultKinds[seed % faultKinds.length]!,
    at: random.next(),
    forMs: random.between(2000, 6000),
    strength: random.next(),
  };
}

/** Writes down what is sent through a proxy, as {@link inject} wants it. */
export function record({ http }: ApiProxy): string[] {
  const requests: string[] = [];
  http.fate = ({ method, url }) => {
    requests.push(`${method} ${url}`);
    return 'pass';
  };
  http.upgrade = (url) => {
    requests.push(`${upgrade} ${url}`);
    return 'pass';
  };
  return requests;
}

/** A fault that is waiting for its request. */
export interface InjectedFault {
  /** The request that met it; undefined as long as none has. */
  readonly met: string | undefined;
}

/** Lets a fault happen once, to one of the `requests` that a run like this one has sent through a proxy of this kind. */
export function inject(proxy: ApiProxy, fault: Fault, requests: readonly string[]): InjectedFault {
  const { kind } = fault;
  const suited = requests.filter((request, index) => suits(kind, request, requests.slice(0, index)));
  // The last requests of a run are not the same each time.
  const number = 1 + Math.floor(fault.at * 0.9 * suited.length);
  const earlier: string[] = [];
  let count = 0;
  let met: string | undefined;
  const meets = (request: string): boolean => {
    const isSuited = met === undefined && suits(kind, request, earlier);
    earlier.push(request);
    if (isSuited) count += 1;
    if (!isSuited || count < number) return false;
    met = request;
    return true;
  };
  proxy.http.fate = ({ method, url }) => {
    if (!meets(`${method} ${url}`)) return 'pass';
    if (isRequestFault(kind)) return kind;
    harm(proxy, kind, fault);
    return 'pass';
  };
  proxy.http.upgrade = (url) => {
    if (!meets(`${upgrade} ${url}`)) return 'pass';
    if (isRequestFault(kind)) return upgradeFates[kind] ?? 'pass';
    harm(proxy, kind, fault);
    return 'pass';
  };
  return {
    get met() {
      return met;
    },
  };
}

/** The method under which handshakes of WebSockets stand among the requests. */
const upgrade = 'UPGRADE';

const upgradeFates: Partial<Record<RequestFault, number | 'stall'>> = {
  fail: 500,
  unavailable: 503,
  throttle: 429,
  stall: 'stall',
};

function isRequestFault(kind: Fault['kind']): kind is RequestFault {
  return fates.includes(kind as RequestFault);
}

/** Whether a fault of this kind can happen to a request. */
function suits(kind: Fault['kind'], request: string, earlier: readonly string[]): boolean {
  const isWatch = request.includes('watch=true');
  if (kind === 'double' || kind === 'break') return isWatch;
  if (kind === 'stale') return !isWatch && request.startsWith('GET ') && earlier.includes(request);
  if (kind === 'conflict') return /^(PUT|PATCH) /.test(request);
  if (kind === 'lose' || kind === 'truncate') return !isWatch && !request.startsWith(upgrade);
  return true;
}

/** Begins a fault; what it returns ends it, where it lasts. */
const harms: Record<ConnectionFault, (tcp: TcpGate, strength: number) => (() => void) | undefined> = {
  reset: (tcp) => {
    tcp.cut();
    return undefined;
  },
  freeze: (tcp) => {
    tcp.freeze();
    return undefined;
  },
  halfOpen: (tcp) => {
    tcp.freeze('answers');
    return undefined;
  },
  latency: (tcp, strength) => {
    tcp.latencyMs = 100 + 500 * strength;
    return () => (tcp.latencyMs = 0);
  },
  bandwidth: (tcp, strength) => {
    tcp.bytesPerSecond = 4000 + 20_000 * strength;
    return () => (tcp.bytesPerSecond = Infinity);
  },
  connectionLimit: (tcp, strength) => {
    tcp.connectionLimit = Math.round(3 * strength);
    return () => (tcp.connectionLimit = Infinity);
  },
  outage: (tcp) => {
    tcp.setDown(true);
    return () => tcp.setDown(false);
  },
};

function harm({ tcp }: ApiProxy, kind: ConnectionFault, { forMs, strength }: Fault): void {
  const end = harms[kind](tcp, strength);
  if (end !== undefined) setTimeout(end, forMs).unref();
}

/** A fault in words, with what repeats it. */
export function describeFault({ seed, kind, forMs }: Fault, met: string | undefined): string {
  return `SLIPWAY_CHAOS_SEED=${String(seed)}: ${kind} (${String(forMs)} ms where it lasts) at ${met ?? 'no request'}`;
}
