import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { E2eEnvironment } from './e2e-environment.ts';
import type { Kubectl } from './kubectl.ts';
import { waitFor } from './wait-for.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), 'load-script.ts');

/** What the clients saw from start to stop. */
export interface LoadResult {
  requests: number;
  /** Answers other than 200, resets, refusals, timeouts. */
  failures: number;
  /** The first 20 failures with their times. */
  errors: string[];
  /** Answers by version. */
  versions: Record<string, number>;
  /** The version of the last answer. */
  last?: string;
}

/** Six clients that ask a Service for its version all the time: three keep their connections alive, three do not. */
export interface LoadClient {
  stop(): Promise<LoadResult>;
}

/** Where the load goes and where it comes from. */
export interface LoadTarget {
  environment: E2eEnvironment;
  admin: Kubectl;
  /** Namespace and name of the Service. */
  namespace: string;
  service: string;
  /** Namespace for the pod of the clients. */
  from: string;
  /** Asks a gateway as this host instead of the Service. */
  by?: { url: string; host: string };
}

/**
 * Starts the clients: in a pod of the cluster, or, since the sandbox's Services listen on this machine, in a process
 * of this machine. Returns when they are asking.
 */
export async function startLoad(target: LoadTarget): Promise<LoadClient> {
  const { url, host } = target.by ?? { url: await serviceUrl(target), host: '' };
  const asked = [`${url}/version`, host] as const;
  return target.environment.cluster === 'sandbox' ? startProcess(...asked) : startPod(target, ...asked);
}

async function serviceUrl({ admin, service: name, namespace }: LoadTarget): Promise<string> {
  const service = await admin.json<{ spec: { clusterIP: string; ports: { port: number }[] } }>([
    ...['get', 'service', name, '--namespace', namespace],
  ]);
  return `http://${service.spec.clusterIP}:${String(service.spec.ports[0]!.port)}`;
}

async function startProcess(url: string, host: string): Promise<LoadClient> {
  const stopFile = join(tmpdir(), `slipway-load-${randomBytes(4).toString('hex')}`);
  const child = spawn(process.execPath, [script, url, stopFile, host], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await waitFor('the load to start', async () => (output.includes('started') ? true : undefined));
  return {
    stop: async () => {
      await writeFile(stopFile, '');
      await ended;
      return parseResult(output);
    },
  };
}

async function startPod(target: LoadTarget, url: string, host: string): Promise<LoadClient> {
  const name = `load-${randomBytes(3).toString('hex')}`;
  const { admin, from: namespace } = target;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'load',
          image: 'node:24-bookworm-slim',
          command: [
            'node',
            '--input-type=module-typescript',
            '--eval',
            await readFile(script, 'utf8'),
            '--',
            url,
            '/tmp/stop',
            host,
          ],
        },
      ],
    },
  };
  await admin.run(['apply', '--namespace', namespace, '--filename', '-'], JSON.stringify(pod));
  const logs = async (): Promise<string> =>
    (await admin.try(['logs', name, '--namespace', namespace])).stdout;
  await waitFor('the load to start', async () => ((await logs()).includes('started') ? true : undefined));
  return {
    stop: async () => {
      await admin.run(['exec', name, '--namespace', namespace, '--', 'touch', '/tmp/stop']);
      const result = await waitFor('the load to end', async () => {
        const output = await logs();
        return output.trimEnd().endsWith('}') ? parseResult(output) : undefined;
      });
      await admin.run(['delete', 'pod', name, '--namespace', namespace, '--wait=false', '--grace-period=0']);
      return result;
    },
  };
}

function parseResult(output: string): LoadResult {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`the load gave no result: ${output}`);
  return JSON.parse(line) as LoadResult;
}
