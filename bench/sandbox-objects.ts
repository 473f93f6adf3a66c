import { createKubernetes } from '../src/adapters/kubernetes/create-kubernetes.ts';
import type { Cluster } from '../src/ports/cluster.ts';
import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';
import { sharedSandbox } from './sandbox-process.ts';

const stored = 10_000;
const atOnce = 20;
const kind = { apiVersion: 'v1', kind: 'ConfigMap' };
const namespace = 'default';

type Part = 'listAll' | 'listPage' | 'selected' | 'get' | 'watch';

/** What lists and watches take when the sandbox holds 10,000 objects of a kind. */
export function sandboxObjects(bench: Bench): Figures<Part>[] {
  const sandbox = sharedSandbox(bench);
  let filled: Promise<void> | undefined;
  return [
    {
      name: 'sandbox: 10,000 objects stored',
      rounds: 5,
      warmUp: true,
      parts: {
        listAll: { label: 'list of all (in chunks of 500)', unit: 'ms' },
        selected: { label: 'list by a label that ten have', unit: 'ms' },
        listPage: { label: 'list of another kind with three objects', unit: 'ms' },
        get: { label: 'get of one', unit: 'ms' },
        watch: { label: 'from a patch sent to its event in a watch', unit: 'ms' },
      },
      take: async () => {
        const kubernetes = await createKubernetes({ kubeconfig: (await sandbox.get()).kubeconfig });
        const { cluster } = kubernetes;
        const signal = AbortSignal.timeout(600_000);
        try {
          await (filled ??= fill(cluster, signal));
          const listAll = await time(async () => {
            const { length } = await cluster.list(kind, { namespace }, { signal });
            if (length < stored) throw new Error(`${String(length)} objects were listed`);
          });
          const selected = await time(() =>
            cluster.list(kind, { namespace, labelSelector: 'group=7' }, { signal }),
          );
          const listPage = await time(() =>
            cluster.list({ apiVersion: 'v1', kind: 'Namespace' }, {}, { signal }),
          );
          const get = await time(() => cluster.get({ ...kind, namespace, name: 'object-5000' }, { signal }));
          const watch = await watchLatencies(cluster, 20);
          return {
            listAll: [listAll],
            selected: [selected],
            listPage: [listPage],
            get: [get],
            watch,
          };
        } finally {
          await kubernetes.close();
        }
      },
      close: sandbox.close,
    },
  ];
}

/** Takes minutes: the client keeps to a rate of requests, as every client of a shared API server should. */
async function fill(cluster: Cluster, signal: AbortSignal): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < stored; index = next++) {
      const name = `object-${String(index)}`;
      const labels = { group: String(index % (stored / 10)) };
      const data = { name, text: 'x'.repeat(200) };
      await cluster.create({ ...kind, metadata: { name, namespace, labels }, data }, { signal });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function watchLatencies(cluster: Cluster, count: number): Promise<number[]> {
  const name = 'object-42';
  const ended = new AbortController();
  const deadline = AbortSignal.timeout(60_000);
  const signal = AbortSignal.any([deadline, ended.signal]);
  const latencies: number[] = [];
  const mark = `${String(Date.now())}-`;
  let sentAt = 0;
  let patched = Promise.resolve<unknown>(undefined);
  const send = (): void => {
    sentAt = performance.now();
    const body = { data: { mark: `${mark}${String(latencies.length)}` } };
    patched = cluster.patch({ ...kind, namespace, name }, { type: 'merge', body }, { signal: deadline });
  };
  for await (const event of cluster.watch(kind, { namespace }, { signal })) {
    if (event.type === 'upsert' && event.object.metadata.name === name) {
      const { mark: seen } = event.object['data'] as { mark?: string };
      if (seen !== `${mark}${String(latencies.length)}`) continue;
      latencies.push(performance.now() - sentAt);
    } else if (event.type !== 'reset') continue;
    await patched;
    if (latencies.length === count) break;
    send();
  }
  ended.abort();
  if (latencies.length < count) throw new Error('the watch did not tell every change within 60 s');
  return latencies;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
