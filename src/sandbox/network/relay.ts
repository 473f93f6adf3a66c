/**
 * The relay: a process of its own inside the network namespace of the pods, started by `start-pods-namespace.ts`. It
 * carries connections over two unix sockets, since those do not belong to a network namespace:
 * from the sandbox to a pod (`inbound`), and from a pod to whatever it connects to (`outbound`), where the sandbox
 * decides: a Service, or the world. It imports Node's modules alone and ends with its standard input.
 *
 * Arguments: path of the inbound socket, path of the outbound socket, the pods' gateway address.
 * Lines on standard input: `listen PORT`. Line on standard output when it is ready: `ready`.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { breakOff, join } from './join.ts';
import { acceptHeader, sendHeader } from './relay-protocol.ts';

const [inboundPath = '', outboundPath = '', gateway = ''] = process.argv.slice(2);
const mostWaiting = 1024;
const listening = new Set<number>();

/** From the sandbox: the header names a pod's address and port. */
function serveInbound(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  acceptHeader(socket).then(
    ([host = '', port]) => {
      const target = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
      const refuse = (error: NodeJS.ErrnoException): void => void socket.end(`${error.code ?? 'EIO'}\n`);
      target.once('error', refuse);
      target.once('connect', () => {
        target.off('error', refuse);
        socket.write('ok\n');
        join(socket, target);
      });
      socket.once('close', () => target.destroy());
    },
    () => socket.destroy(),
  );
}

/** From a pod: every address is local here, so the socket's own address is where the pod wanted to go. */
function serveOutbound(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  const { localAddress = '', localPort = 0 } = socket;
  const sandbox = connect({ path: outboundPath, allowHalfOpen: true });
  sendHeader(sandbox, [localAddress, String(localPort)]).then(
    () => join(socket, sandbox),
    () => breakOff(socket),
  );
}

function listen(port: number): void {
  if (listening.has(port)) return;
  listening.add(port);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, serveOutbound);
  server.once('error', () => listening.delete(port));
  server.listen({ host: '0.0.0.0', port, backlog: mostWaiting });
}

/** Names that are not in the pods' hosts file go to the machine's own name servers, through the sandbox. */
function serveNames(): void {
  const names = createSocket('udp4');
  names.on('error', () => names.close());
  names.on('message', (query, from) => {
    const sandbox = connect({ path: outboundPath, allowHalfOpen: true });
    const parts: Buffer[] = [];
    sendHeader(sandbox, ['dns', '53']).then(
      () => {
        sandbox.end(query);
        sandbox.on('data', (part: Buffer) => parts.push(part));
        sandbox.once('end', () => names.send(Buffer.concat(parts), from.port, from.address));
      },
      () => undefined,
    );
  });
  names.bind(53, gateway);
}

serveNames();
const inbound = createServer({ allowHalfOpen: true }, serveInbound);
inbound.listen(inboundPath, mostWaiting, () => process.stdout.write('ready\n'));
const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => listen(Number(line.replace(/^listen /, ''))));
commands.once('close', () => process.exit(0));
