import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/base/errors.ts';
import { waitFor } from '../support/wait-for.ts';
import type { ReleaseOrder } from './release-process.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), 'release-process.ts');

/** One line of the process. */
export interface Line {
  type: string;
  at: number;
  phase?: string;
  message?: string;
  outcome?: string;
  hint?: string;
  outputs?: Record<string, string>;
}

/** A runner at work. */
export interface RunningRelease {
  lines: Line[];
  /** The last line: the result or the error. */
  result(): Promise<Line>;
  /** Waits for a line. @throws Error with all lines when the release ends without it, or it does not come */
  saw(what: string, check: (line: Line) => boolean): Promise<Line>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Starts a runner in a process of its own that releases these manifests. @param more files beside them, by name */
export async function startRelease(
  manifests: string,
  order: Omit<ReleaseOrder, 'directory'>,
  more: Readonly<Record<string, string>> = {},
): Promise<RunningRelease> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-release-'));
  await writeFile(join(directory, 'app.yaml'), manifests);
  for (const [name, text] of Object.entries(more)) await writeFile(join(directory, name), text);
  const child = spawn(process.execPath, [script, JSON.stringify({ ...order, directory })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line) as Line));
  const ended = once(child, 'close').finally(() => rm(directory, { recursive: true, force: true }));
  let isOver = false;
  void ended.then(() => (isOver = true));
  const saw = async (what: string, check: (line: Line) => boolean): Promise<Line> => {
    try {
      return await waitFor(what, async () => lines.find(check) ?? (isOver ? 'over' : undefined), {
        intervalMs: 50,
      }).then((found) => {
        if (found === 'over') throw new Error(`the release ended without ${what}`);
        return found;
      });
    } catch (cause) {
      const said = lines.map((line) => JSON.stringify(line)).join('\n');
      throw new Error(`${messageOf(cause)}; it said:\n${said}`, { cause });
    }
  };
  return {
    lines,
    result: async () => {
      await ended;
      const last = lines.at(-1);
      if (last?.type !== 'result' && last?.type !== 'error')
        throw new Error('the runner ended without a result');
      return last;
    },
    saw,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}

/** What a test changes of the application. */
export interface WebOptions {
  version: string;
  /**
   * `crash`: ends with exit code 3 after a line on stderr; `image`: an image that is not there; `never`: is never ready;
   * `check`: answers /check with 503.
   */
  fault?: 'crash' | 'image' | 'never' | 'check';
  replicas?: number;
  /** Seconds a new pod must have been ready before the next one is made, so that a test finds the rollout in its middle. */
  minReadySeconds?: number;
  /** Labels that both the pods and the Service's selector have besides `app`. */
  labels?: Readonly<Record<string, string>>;
  /** The most that a pod may have: `256Mi`. */
  memory?: string;
  /** Further documents. */
  more?: string;
}

/**
 * A small HTTP service with its configuration: answers its version, ends in order. Asked for /crash it ends with exit code
 * 3, after /unready it is not ready any more, for /memory it takes more and more.
 */
export function webManifests({
  version,
  fault,
  replicas = 3,
  minReadySeconds = 0,
  labels,
  memory,
  more = '',
}: WebOptions): string {
  const podLabels = JSON.stringify({ app: 'web', ...labels });
  const program =
    fault === 'crash'
      ? `console.error('no database at db:5432'); process.exit(3)`
      : `const { createServer } = require('node:http');
         const body = JSON.stringify({ version: process.env.VERSION });
         let draining = false;
         let sick = false;
         const kept = [];
         const server = createServer((request, response) => {
           // Who keeps a connection is told to take a new one, before this end closes it.
           if (draining) response.setHeader('connection', 'close');
           if (request.url === '/crash') process.exit(3);
           if (request.url === '/unready') sick = true;
           if (request.url === '/memory') while (true) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
           if (sick && request.url === '/ready') return response.writeHead(503).end();
           const bad = request.url === '/${fault === 'never' ? 'ready' : 'check'}' && ${String(fault !== undefined)};
           response.writeHead(bad ? 503 : 200);
           response.end(body);
         }).listen(8080);
         const close = () => server.close(() => process.exit(0));
         process.on('SIGTERM', () => { draining = true; setTimeout(close, 2000); });`;
  const image = fault === 'image' ? '127.0.0.1:5000/nobody/nothing:1' : 'node:24-bookworm-slim';
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${String(replicas)}
  minReadySeconds: ${String(minReadySeconds)}
  selector: { matchLabels: { app: web } }
  strategy: { rollingUpdate: { maxSurge: 1 } }
  template:
    metadata: { labels: ${podLabels} }
    spec:
      containers:
        - name: web
          image: ${image}
          command: [node, --eval]
          args: [${JSON.stringify(program)}]
          env: [{ name: VERSION, valueFrom: { configMapKeyRef: { name: web, key: version } } }]
          readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1 }
          resources: { limits: ${JSON.stringify(memory === undefined ? {} : { memory })} }
          lifecycle: { preStop: { exec: { command: [sleep, "4"] } } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: ${podLabels}, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: web }
data: { version: "${version}" }
${more}`;
}
