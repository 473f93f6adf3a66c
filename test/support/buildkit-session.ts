/**
 * Bundles dockerode's BuildKit session as the build does, far from all packages, and asks it for credentials as an engine
 * would: `node buildkit-session.ts FOLDER`. Prints the answer as JSON.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { build } from 'esbuild';
import { dockerClient } from '../../scripts/docker-client.ts';

type Dial = (options: unknown, done: (error: null, socket: Socket) => void) => void;
type WithSession = (
  docker: { modem: { dial: Dial } },
  auth: { username: string; password: string },
  handler: () => void,
) => void;
type AuthClient = new (
  address: string,
  credentials: grpc.ChannelCredentials,
) => { credentials: (asked: { Host: string }, done: (error: Error | null, answer: unknown) => void) => void };

const root = path.resolve(import.meta.dirname, '../..');
const dockerode = path.join(root, 'node_modules/dockerode/lib');
const outfile = path.join(process.argv[2] ?? '', 'session.mjs');
await build({
  entryPoints: [path.join(dockerode, 'session.js')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  plugins: [dockerClient],
});
const { default: withSession } = (await import(pathToFileURL(outfile).href)) as { default: WithSession };
const login = { username: 'robot', password: 'correct-horse' };
const server = createServer((socket) => {
  const dial: Dial = (_options, done) => {
    done(null, socket);
  };
  withSession({ modem: { dial } }, login, () => undefined);
});
server.listen(0, '127.0.0.1', () => {
  const loaded = grpc.loadPackageDefinition(loader.loadSync(path.join(dockerode, 'proto/auth.proto')));
  const { Auth } = (loaded as unknown as { moby: { filesync: { v1: { Auth: AuthClient } } } }).moby.filesync
    .v1;
  const address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  new Auth(address, grpc.credentials.createInsecure()).credentials({ Host: 'x' }, (error, answer) => {
    process.stdout.write(JSON.stringify(error?.message ?? answer), () => process.exit());
  });
});
