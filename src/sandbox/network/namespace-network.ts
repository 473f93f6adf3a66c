import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectSocket, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join as joinPath } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { entryFile } from '../../base/entry-file.ts';
import { firstLine, killProcess } from '../kubelet/processes.ts';
import type { Machine } from '../kubelet/machine.ts';
import { answerName } from './name-relay.ts';
import { connectTcp } from './connect-tcp.ts';
import { acceptHeader, sendHeader } from './relay-protocol.ts';
import { join } from './join.ts';
import { openSocketCounts } from './socket-counts.ts';
import type { SocketCounts } from './socket-counts.ts';
import { createSpares } from '../kubelet/spares.ts';

/** The pods' network; it exists inside its namespace only, so it can hide nothing of the machine's own. */
const PREFIX = '10.213';
/** The relay's address as the pods see it; it is their name server too. */
export const GATEWAY = `${PREFIX}.0.1`;
/** Where pods go outside besides Services; a further port opens when a pod is first seen trying it. */
const OUTGOING_PORTS = [22, 80, 443, 5000, 8080, 8443];
const TRYING_POLL_MS = 250;
const DIAL_DEADLINE_MS = 20_000;
/** State of a connection that waits for its answer, in /proc/net/tcp. */
const SYN_SENT = '02';

/**
 * Makes the bridge of the pods and goes on as the relay. Every address but the pods' own is the relay's, on the ports
 * that are open; what is sent to any other vanishes, so that its sender tries again when the port has been opened.
 */
const NETWORK_SCRIPT = `
ip=$1; shift
"$ip" -batch - <<END || exit 1
link set lo up
link add pods type bridge
addr add ${GATEWAY}/16 dev pods
link set pods up
route add local default dev lo table local
rule add pref 5 to ${GATEWAY} lookup local
rule add pref 10 to ${PREFIX}.0.0/16 lookup main
rule add pref 30 iif pods blackhole
rule add pref 100 lookup local
rule del pref 0
END
echo 0 > /proc/sys/net/ipv4/ip_forward
for key in all default pods; do echo 1 > /proc/sys/net/ipv4/conf/$key/route_localnet; done
exec "$@"`;

/**
 * Reads lines of commands in the pods' network, answers each with one line, and ends with its input and all networks
 * with it. `attach NUMBER...` makes the networks of so many pods side by side, which is most of what a pod's start
 * costs beside its program; the answer has `NUMBER=PID` for each, the process that holds it. `open PORT` answers `ok`.
 */
const CONTROL_SCRIPT = `
ip=$1 unshare=$2 sh=$3 relay=$4
attach() {
  made=$(for number; do
    address=${PREFIX}.$((number / 250)).$((number % 250 + 2))
    "$unshare" --net "$sh" -c 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
"$1" -batch - <<END && echo "$2=$$" && exec sleep 2147483647 >&- 2>&-
link add eth0 type veth peer name pod$2 netns $4
link set lo up
addr add $3/16 dev eth0
link set eth0 up
route add default via ${GATEWAY}
route del local 127.0.0.0/8 dev lo table local
route add local 127.0.0.0/16 dev lo table local
END' sh "$ip" "$number" "$address" "$relay" &
  done)
  for one in $made; do all="$all \${one#*=}"; done
  for one in $made; do echo "link set pod\${one%=*} master pods up"; done | "$ip" -batch - && echo $made
}
open() {
  "$ip" rule add pref 20 iif pods ipproto tcp dport "$1" lookup local && echo ok
}
while read -r line; do $line || echo failed; done
for pid in $all; do
  read -r name < /proc/$pid/comm && [ "$name" = sleep ] && kill -9 $pid
done 2>/dev/null`;

/** A network namespace for the pods, with a relay to the machine. */
export interface PodsNamespace {
  /** Gives a pod a network of its own; returns its address and the process that holds it. */
  attach(): Promise<{ ip: string; processId: number }>;
  detach(processId: number): void;
  connect(pod: { ip: string; processId: number }, port: number, signal: AbortSignal): Promise<Duplex>;
  /** Lets pods reach a port of Services. */
  openPort(port: number): void;
  close(): Promise<void>;
}

/** Where a connection of a pod goes: resolves a Service's address; undefined when it is none. */
export type Route = (host: string, port: number, signal: AbortSignal) => Promise<Duplex> | undefined;

/** Starts the relay and the pods' bridge. Rejects when the machine does not let it after all. */
export async function startPodsNamespace(
  machine: Machine,
  folder: string,
  { route, environment, onEnd }: { route: Route; environment: Record<string, string>; onEnd: () => void },
): Promise<PodsNamespace> {
  mkdirSync(folder, { recursive: true });
  const [inbound, outbound] = [joinPath(folder, 'in.sock'), joinPath(folder, 'out.sock')];
  for (const path of [inbound, outbound]) rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => void serveOutbound(socket, route));
  server.listen(outbound);
  await once(server, 'listening');
  const { unshare = '', ip = '', sh = '', nsenter = '' } = machine.tools;
  const options = { env: { ...process.env, ...environment, NODE_OPTIONS: '' }, detached: true } as const;
  const relayFile = entryFile('sandbox/network/relay');
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    relayFile,
    inbound,
    outbound,
    GATEWAY,
  ];
  const command = [...machine.unshareUser, '--net', sh, '-c', NETWORK_SCRIPT, 'sh', ip, ...node];
  const relay = spawn(unshare, command, { ...options, stdio: ['pipe', 'pipe', 'ignore'] });
  if ((await firstLine(relay.stdout).next()) !== 'ready') {
    server.close();
    throw new Error('the network of the pods could not be made');
  }
  relay.once('exit', onEnd);
  const into = [...machine.enterUser, '--target', String(relay.pid), '--net', sh, '-c', CONTROL_SCRIPT];
  const control = spawn(nsenter, [...into, 'sh', ip, unshare, sh, String(relay.pid)], {
    ...options,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return createNamespace(relay, control, { server, inbound });
}

type PipedProcess = ReturnType<typeof spawn> & { stdin: Writable; stdout: Readable };

function createNamespace(
  relay: PipedProcess,
  control: PipedProcess,
  { server, inbound }: { server: Server; inbound: string },
): PodsNamespace {
  const answers = firstLine(control.stdout);
  const holders = new Map<number, SocketCounts>();
  const open = new Set<number>();
  let last = 1;
  let turn: Promise<unknown> = Promise.resolve();

  /** One command at a time: each is answered by one line. */
  function ask(line: string): Promise<string> {
    const answer = turn.then(() => {
      control.stdin.write(`${line}\n`);
      return answers.next();
    });
    turn = answer;
    return answer;
  }

  /** Networks that are asked for while others are made are made next, all at once. */
  let next: { numbers: number[]; made: Promise<Map<number, number>> } | undefined;

  async function makeNetwork(): Promise<{ ip: string; processId: number }> {
    last = last >= 62_000 ? 1 : last + 1;
    const number = last;
    if (next === undefined) {
      const numbers: number[] = [];
      next = { numbers, made: turn.then(() => attachAll(numbers)) };
      turn = next.made;
    }
    next.numbers.push(number);
    const processId = (await next.made).get(number);
    const ip = `${PREFIX}.${Math.floor(number / 250)}.${(number % 250) + 2}`;
    if (processId === undefined) throw new Error(`the network of a pod could not be made (address ${ip})`);
    holders.set(processId, openSocketCounts(processId));
    return { ip, processId };
  }

  async function attachAll(numbers: readonly number[]): Promise<Map<number, number>> {
    next = undefined;
    control.stdin.write(`attach ${numbers.join(' ')}\n`);
    const answer = await answers.next();
    return new Map(
      [...answer.matchAll(/(\d+)=(\d+)/g)].map(([, number, pid]) => [Number(number), Number(pid)]),
    );
  }

  function openPort(port: number): void {
    if (open.has(port)) return;
    open.add(port);
    relay.stdin.write(`listen ${port}\n`);
    void ask(`open ${port}`);
  }

  async function connect(
    { ip, processId }: { ip: string; processId: number },
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex> {
    if (holders.get(processId)?.isEmpty() === true)
      throw Object.assign(new Error(`connect ECONNREFUSED ${ip}:${port}`), { code: 'ECONNREFUSED' });
    const socket = connectSocket({ path: inbound, allowHalfOpen: true });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await sendHeader(socket, [ip, String(port)]);
      return socket;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  let droppedBefore = 0;
  const polling = setInterval(() => {
    const dropped = droppedPackets(relay.pid ?? 0);
    if (dropped === droppedBefore) return;
    droppedBefore = dropped;
    for (const holder of holders.keys()) for (const port of triedPorts(holder)) openPort(port);
  }, TRYING_POLL_MS).unref();

  const networks = createSpares(makeNetwork);

  function detach(processId: number): void {
    const counts = holders.get(processId);
    if (counts === undefined) return;
    holders.delete(processId);
    counts.close();
    killProcess(processId, 'SIGKILL');
  }

  function close(): Promise<void> {
    clearInterval(polling);
    networks.close();
    for (const holder of holders.keys()) detach(holder);
    for (const child of [control, relay]) child.kill('SIGKILL');
    server.close();
    return Promise.resolve();
  }

  // Without the relay what is left is of no use.
  relay.once('exit', () => void close());
  for (const port of OUTGOING_PORTS) openPort(port);
  return { attach: () => networks.take(), detach, connect, openPort, close };
}

/** How many packets have vanished in the network of `pid` so far; cheap to read, unlike what was tried. */
function droppedPackets(pid: number): number {
  try {
    const [names = '', values = ''] = readFileSync(`/proc/${pid}/net/snmp`, 'utf8').split('\n');
    return Number(values.split(' ')[names.split(' ').indexOf('InAddrErrors')]);
  } catch {
    // The relay has ended; so will the pods.
    return 0;
  }
}

/** Remote ports to which something in the network of `holder` is just trying to connect. */
function triedPorts(holder: number): number[] {
  try {
    const rows = readFileSync(`/proc/${holder}/net/tcp`, 'utf8').trim().split('\n').slice(1);
    return rows
      .map((row) => row.trim().split(/\s+/))
      .flatMap(([, , remote = '', state]) =>
        state === SYN_SENT ? [Number.parseInt(remote.split(':')[1] ?? '', 16)] : [],
      );
  } catch {
    // The pod has just gone.
    return [];
  }
}

/** A connection that a pod makes, or a name that it looks up. */
async function serveOutbound(socket: Socket, route: Route): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    const [host = '', port] = await acceptHeader(socket);
    if (host === 'dns') {
      socket.write('ok\n');
      await answerName(socket);
      return;
    }
    const deadline = AbortSignal.timeout(DIAL_DEADLINE_MS);
    const target = await (route(host, Number(port), deadline) ?? connectTcp(host, Number(port), deadline));
    socket.write('ok\n');
    join(socket, target);
  } catch (error) {
    socket.end(`${(error as NodeJS.ErrnoException).code ?? 'EIO'}\n`);
  }
}
