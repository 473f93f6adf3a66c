/* eslint @typescript-eslint/no-unsafe-class-instance-assignment: off -- the client's types are classes that stand for shapes */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { connect } from 'node:tls';
import { AppsV1Api, CoreV1Api, KubeConfig, PortForward } from '@kubernetes/client-node';
import { Agent, fetch } from 'undici';
import { runCommand } from '../../scripts/run-command.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.ts';
import { freePort } from '../support/free-port.ts';
import { kubectl } from '../support/kubectl.ts';
import { waitFor } from '../support/wait-for.ts';

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
/** Cases with kubectl are skipped, and said to be, where there is none. */
const withKubectl = hasKubectl ? it : it.skip;

let folder: string;
let sandbox: Sandbox;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-sandbox-api-'));
  sandbox = await startSandbox({ folder });
});
afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

function configuration(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(sandbox.kubeconfig);
  return config;
}

/** A pod that answers HTTP on a port that is free here. */
async function startServer(name: string): Promise<number> {
  const port = await freePort();
  const script = `require('http').createServer((q,r)=>r.end('served '+q.url)).listen(${port})`;
  const core = configuration().makeApiClient(CoreV1Api);
  await core.createNamespacedPod({
    namespace: 'default',
    body: {
      metadata: { name },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'main',
            image: 'node:24',
            command: ['node', '-e', script],
            readinessProbe: { httpGet: { port }, periodSeconds: 1 },
          },
        ],
      },
    },
  });
  await waitFor(
    `pod ${name} to be ready`,
    async () => {
      const { status } = await core.readNamespacedPod({ namespace: 'default', name });
      return status?.conditions?.find((row) => row.type === 'Ready' && row.status === 'True');
    },
    { timeoutMs: 30_000 },
  );
  return port;
}

describe('who may ask', () => {
  const ask = async (authorization?: string): Promise<number> => {
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    try {
      const { status } = await fetch(`${sandbox.address}/api/v1/namespaces`, {
        dispatcher,
        headers: authorization === undefined ? {} : { authorization },
      });
      return status;
    } finally {
      await dispatcher.close();
    }
  };

  it('is nobody without a certificate or a token, and nobody with a wrong one', async () => {
    expect(await ask()).toBe(401);
    expect(await ask('Bearer a.b.c')).toBe(401);
  });

  it('is a service account with its token', async () => {
    const core = configuration().makeApiClient(CoreV1Api);
    const { status } = await core.createNamespacedServiceAccountToken({
      namespace: 'default',
      name: 'default',
      body: { spec: { audiences: [], expirationSeconds: 600 } },
    });

    expect(await ask(`Bearer ${status!.token}`)).toBe(200);
    expect(await ask(`Bearer ${status!.token}x`)).toBe(401);
  });
});

describe('a request that is none', () => {
  const send = async (head: string): Promise<string> => {
    const socket = connect({ port: Number(new URL(sandbox.address).port), rejectUnauthorized: false });
    try {
      socket.write(
        `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      );
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString().split('\r\n')[0] ?? '';
    } finally {
      socket.destroy();
    }
  };

  it.each([
    ['GET //', 400],
    ['GET /api/v1/namespaces/default/pods/a/exec', 401],
  ])('%s is answered with %d, and the sandbox goes on', async (head, code) => {
    expect(await send(head)).toContain(` ${code} `);
    const { items } = await configuration().makeApiClient(CoreV1Api).listNamespace();
    expect(items.length).toBeGreaterThan(0);
  });
});

describe('@kubernetes/client-node', () => {
  it('creates, reads its own writes and scales', async () => {
    const apps = configuration().makeApiClient(AppsV1Api);
    const labels = { app: 'none' };
    await apps.createNamespacedDeployment({
      namespace: 'default',
      body: {
        metadata: { name: 'none' },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'node:24' }] } },
        },
      },
    });

    const scale = await apps.readNamespacedDeploymentScale({ namespace: 'default', name: 'none' });
    const read = await apps.readNamespacedDeployment({ namespace: 'default', name: 'none' });

    expect(scale).toMatchObject({ spec: {}, status: { replicas: 0, selector: 'app=none' } });
    expect(read.spec?.strategy?.type).toBe('RollingUpdate');
    expect(read.metadata?.creationTimestamp).toBeInstanceOf(Date);
  });

  it('forwards a port over WebSocket channels', async () => {
    const port = await startServer('by-channels');
    const received = new PassThrough();
    const sent = new PassThrough();
    const chunks: Buffer[] = [];
    received.on('data', (chunk: Buffer) => chunks.push(chunk));

    await new PortForward(configuration()).portForward(
      'default',
      'by-channels',
      [port],
      received,
      null,
      sent,
    );
    sent.write('GET /channels HTTP/1.0\r\n\r\n');
    const answer = await waitFor('an answer', async () => {
      const text = Buffer.concat(chunks).toString();
      return text.includes('served') ? text : undefined;
    });

    expect(answer).toContain('served /channels');
  }, 60_000);
});

describe('kubectl', () => {
  withKubectl('sends protobuf, server-side and client-side applies, and gets its diff', async () => {
    const command = kubectl(sandbox.kubeconfig);
    const manifest = (value: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { value } });

    await command.run(['create', 'configmap', 'from-literal', '--from-literal=a=b']);
    await command.run(['apply', '-f', '-'], manifest('1'));
    const difference = await command.try(['diff', '-f', '-'], manifest('2'));
    const refused = await command.try(
      ['apply', '--server-side', '--field-manager', 'other', '-f', '-'],
      manifest('3'),
    );

    expect(await command.json(['get', 'configmap', 'from-literal'])).toMatchObject({ data: { a: 'b' } });
    expect(difference.stdout).toMatch(/-\s+value: "1"\n\+\s+value: "2"/);
    expect(refused.stderr).toContain('conflict with "kubectl-client-side-apply" using v1');
  });

  withKubectl('refuses unknown fields, and explains the known ones', async () => {
    const command = kubectl(sandbox.kubeconfig);

    const refused = await command.try(
      ['apply', '-f', '-'],
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd"},"dat":{}}',
    );

    expect(refused.stderr).toContain('unknown field "dat"');
    expect(await command.run(['explain', 'pod.spec.containers.env'])).toContain(
      'List of environment variables',
    );
  });

  withKubectl(
    'forwards ports, one connection after the other',
    async () => {
      const port = await startServer('by-kubectl');
      const local = await freePort();
      const forward = spawn(
        'kubectl',
        ['--kubeconfig', sandbox.kubeconfig, 'port-forward', 'pod/by-kubectl', `${local}:${port}`],
        { env: process.env, stdio: 'ignore' },
      );
      try {
        const ask = async (path: string): Promise<string> =>
          (await fetch(`http://127.0.0.1:${local}${path}`)).text();
        await waitFor('the forwarding', () => ask('/').catch(() => undefined), { timeoutMs: 20_000 });

        const answers = await Promise.all(['/a', '/b', '/c'].map(ask));

        expect(answers).toEqual(['served /a', 'served /b', 'served /c']);
      } finally {
        forward.kill('SIGKILL');
      }
    },
    60_000,
  );

  withKubectl(
    'is told what to use instead of SPDY',
    async () => {
      await startServer('by-spdy');

      const { exitCode, stderr } = await runCommand(
        ['kubectl', '--kubeconfig', sandbox.kubeconfig, 'exec', 'by-spdy', '--', 'true'],
        { allowFailure: true, env: { ...process.env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' } },
      );

      expect(exitCode).toBe(1);
      expect(stderr).toContain('use kubectl 1.31 or later');
    },
    60_000,
  );
});
