import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { createKubernetes, type Kubernetes } from '../src/adapters/kubernetes/create-kubernetes.ts';
import type { KubernetesObject } from '../src/ports/kubernetes-object.ts';
import { freePort } from '../test/support/free-port.ts';
import type { Bench } from './bench.ts';
import type { Comparison } from './measure.ts';
import { sharedSandbox } from './sandbox-process.ts';

const replicas = 10;
const program =
  "require('node:http').createServer((_, answer) => answer.end('ok')).listen(Number(process.argv[1]))";
/** Each in a session of its own, as pods are: Linux may share out the processor by sessions. */
const startAll = `
node=$1 program=$2; shift 2
session=$(command -v setsid) || session=
all=
trap 'kill -9 $all' TERM
for port; do $session "$node" -e "$program" "$port" & all="$all $!"; done
wait`;
const podPort = 8080;
/** The sandbox makes networks for pods to come when none comes for a second: not while the shell is measured. */
const settleMs = 3000;
const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'bench', namespace: 'default' };

/** Ten HTTP servers as a Deployment until all pods are ready, against the same ten started by a shell until all answer. */
export function sandboxDeployment(bench: Bench): Comparison[] {
  const sandbox = sharedSandbox(bench);
  let kubernetes: Kubernetes | undefined;
  let shell: ChildProcess | undefined;
  const api = async () =>
    (kubernetes ??= await createKubernetes({ kubeconfig: (await sandbox.get()).kubeconfig })).cluster;
  return [
    {
      name: 'sandbox: a Deployment of ten pods',
      rounds: 7,
      goal: { atMost: 1.5 },
      ours: {
        label: 'Deployment made until ten pods are Ready',
        run: async () => {
          const cluster = await api();
          await cluster.create(deployment(), { signal: AbortSignal.timeout(60_000) });
          await until(kubernetes!, 'Deployment', ([found]) => statusOf(found)['readyReplicas'] === replicas);
        },
        after: async () => {
          const cluster = await api();
          await cluster.delete(reference, { signal: AbortSignal.timeout(60_000), gracePeriodSeconds: 0 });
          await until(kubernetes!, 'Pod', (pods) => pods.length === 0);
          await sleep(settleMs);
        },
      },
      theirs: {
        label: 'started by a shell until ten answer',
        run: async () => {
          const ports = await Promise.all(Array.from({ length: replicas }, freePort));
          shell = spawn('sh', ['-c', startAll, 'sh', process.execPath, program, ...ports.map(String)], {
            stdio: 'ignore',
          });
          await Promise.all(ports.map(answers));
        },
        after: async () => {
          const ended = once(shell!, 'close');
          shell!.kill();
          await ended;
        },
      },
      close: async () => {
        await kubernetes?.close();
        await sandbox.close();
      },
    },
  ];
}

function deployment(): KubernetesObject {
  const labels = { app: 'bench' };
  const container = {
    name: 'web',
    image: 'node:24',
    command: ['node', '-e', program, String(podPort)],
    readinessProbe: { httpGet: { path: '/', port: podPort }, periodSeconds: 1 },
  };
  return {
    apiVersion: reference.apiVersion,
    kind: reference.kind,
    metadata: { name: reference.name, namespace: reference.namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
    },
  };
}

/** Waits until the objects of a kind are as wanted. */
async function until(
  { cluster }: Kubernetes,
  kind: 'Deployment' | 'Pod',
  isWanted: (objects: readonly KubernetesObject[]) => boolean,
): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  const ended = new AbortController();
  const signal = AbortSignal.any([deadline, ended.signal]);
  const objects = new Map<string, KubernetesObject>();
  const apiVersion = kind === 'Pod' ? 'v1' : 'apps/v1';
  for await (const event of cluster.watch({ apiVersion, kind }, { namespace: 'default' }, { signal })) {
    if (event.type === 'reset') {
      objects.clear();
      for (const object of event.objects) objects.set(object.metadata.name, object);
    } else if (event.type === 'upsert') objects.set(event.object.metadata.name, event.object);
    else objects.delete(event.object.metadata.name);
    if (isWanted([...objects.values()])) break;
  }
  ended.abort();
  if (deadline.aborted) throw new Error(`waited 60 s in vain for ${kind} in the sandbox`);
}

function statusOf(object: KubernetesObject | undefined): Record<string, unknown> {
  return (object?.['status'] ?? {}) as Record<string, unknown>;
}

async function answers(port: number): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const response = await fetch(`http://127.0.0.1:${String(port)}/`).catch(() => undefined);
    if (response?.ok === true) return;
    await sleep(20);
  }
  throw new Error(`nothing answers on port ${String(port)}`);
}
