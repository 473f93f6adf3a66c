import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { Cluster } from '../../../src/ports/cluster.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { runObjectName } from '../../../src/ports/run-record.ts';
import { recordName, type ReleaseRecord } from '../../../src/release/record/release-record.ts';
import type { ApiProxy } from '../../chaos/proxy/api-proxy.ts';
import type { CommandBench } from '../../support/command-bench.ts';
import type { StageText } from '../../support/pipeline-folder.ts';
import { soon, testImage } from '../../support/scratch-namespace.ts';

/** A run that builds, releases a version of an application, and does something at its end. */
export interface ChaosRun {
  application: string;
  version: string;
  /** Its pods end as soon as they begin. */
  isBroken: boolean;
}

/** How a run ended, as far as no fault may change it. */
export interface Ending {
  /** The lines of its steps. */
  lines: string[];
  /** What the record of the run says. */
  record: string | undefined;
  /** How the revisions ended that this run has released. */
  revisions: string[];
  /** What the Deployment says, and whether that serves. */
  serving: { version: string; isComplete: boolean };
  /** Objects of the run that are there when it has ended, and leases that somebody holds. */
  left: string[];
}

/** How a run ends that meets no fault, when `before` is the version that serves before it. */
export function expectedEnding({ version, isBroken }: ChaosRun, before: string): Ending {
  const numbers = Array.from({ length: 20 }, (_, index) => `[build] line ${String(index + 1)}`);
  return {
    lines: [
      ...numbers,
      ...(isBroken ? [] : ['[after] effect after']),
      ...['build', ...(isBroken ? [] : ['after']), 'tell'].map((name) => `[tell] effect ${name}`),
    ],
    record: 'finished',
    revisions: [isBroken ? 'rolledBack' : 'released'],
    serving: { version: isBroken ? before : version, isComplete: true },
    left: [],
  };
}

/** Where runs are played, and a way to look that is not harmed. */
export interface ChaosBench extends CommandBench {
  cluster: Cluster;
}

/** Plays a run through a proxy to its end. */
export async function playRun(bench: ChaosBench, run: ChaosRun, proxy: ApiProxy): Promise<Ending> {
  const { agents, application: namespace } = bench.namespaces;
  const { cluster } = bench;
  const { exitCode, stdout, stderr } = await bench.run(stagesOf(run, namespace), {
    kubeconfig: proxy.kubeconfig,
    document: {
      finally: [{ name: 'tell', run: `${effect('tell')}\nsleep 0.3\nsed 's/^/effect /' ../effects` }],
    },
    args: ['--output', 'plain'],
    timeoutMs: 300_000,
  });
  const [, runId] = /run ([0-9A-Z]{26}) of/.exec(stdout) ?? [];
  if (runId === undefined || exitCode !== (run.isBroken ? 5 : 0))
    throw new Error(`the run ended with ${String(exitCode)}:\n${stdout}${stderr}`);
  const release = await dataOf(cluster, namespace, recordName(run.application));
  const { history } = JSON.parse(release['record'] ?? '') as ReleaseRecord;
  return {
    lines: stdout.split('\n').filter((line) => /^\[\w+\] (line|effect) /.test(line)),
    record: (await dataOf(cluster, agents, runObjectName(runId)))['state'],
    revisions: history.filter((revision) => revision.runId === runId).map(({ outcome }) => outcome),
    serving: await serving(cluster, namespace, run.application),
    left: await leftOf(bench, runId, run.application),
  };
}

const effect = (name: string): string => `echo ${name} >> ../effects`;

function stagesOf(run: ChaosRun, namespace: string): StageText[] {
  const build = `${effect('build')}
mkdir -p k8s && printf %s "$MANIFESTS" > k8s/app.yaml
i=0
while [ $i -lt 20 ]; do i=$((i + 1)); echo "line $i"; sleep 0.1; done`;
  return [
    { name: 'build', env: { MANIFESTS: manifestsOf(run) }, run: build },
    { name: 'deploy', deploy: { manifests: 'k8s/*.yaml', application: run.application, namespace } },
    { name: 'after', run: `${effect('after')}\necho "effect after"` },
  ];
}

function manifestsOf({ application, version, isBroken }: ChaosRun): string {
  const labels = { app: application };
  const serve = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';
  const container = {
    name: 'web',
    image: testImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', isBroken ? 'exit 3' : serve],
    env: [{ name: 'VERSION', value: version }],
    readinessProbe: { exec: { command: ['true'] }, periodSeconds: 2 },
  };
  const metadata = { name: application };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { version } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { terminationGracePeriodSeconds: 2, containers: [container] },
        },
      },
    },
  ]
    .map((object) => stringify(object))
    .join('---\n');
}

async function dataOf(cluster: Cluster, namespace: string, name: string): Promise<Record<string, string>> {
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name, namespace };
  const found = await cluster.get<KubernetesObject & { data?: Record<string, string> }>(reference, soon());
  return found?.data ?? {};
}

interface DeploymentObject extends KubernetesObject {
  spec: { template: { spec: { containers: { env: { value: string }[] }[] } } };
  status: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
  };
}

async function serving(cluster: Cluster, namespace: string, name: string): Promise<Ending['serving']> {
  const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace };
  const found = await cluster.get<DeploymentObject>(reference, soon());
  if (found === undefined) return { version: 'none', isComplete: false };
  const { metadata, spec, status } = found;
  const counts = [status.replicas, status.updatedReplicas, status.availableReplicas];
  const isComplete =
    status.observedGeneration === metadata.generation && counts.every((count) => count === 1);
  return { version: spec.template.spec.containers[0]?.env[0]?.value ?? '', isComplete };
}

/** A pod that is deleted may need a moment to be gone. */
async function leftOf(bench: ChaosBench, runId: string, application: string): Promise<string[]> {
  const { agents, application: namespace } = bench.namespaces;
  const isOf = ({ metadata }: KubernetesObject) =>
    metadata.name.includes(runId.toLowerCase()) || metadata.name === recordName(application);
  const find = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const kind of ['Pod', 'Secret', 'Lease'])
      for (const place of [agents, namespace]) {
        const apiVersion = kind === 'Lease' ? 'coordination.k8s.io/v1' : 'v1';
        const objects = await bench.cluster.list({ apiVersion, kind }, { namespace: place }, soon());
        found.push(...objects.filter((object) => isOf(object) && isHere(object)).map(nameOf));
      }
    return found;
  };
  let left = await find();
  const end = performance.now() + 15_000;
  while (left.length > 0 && performance.now() < end) {
    await sleep(500);
    left = await find();
  }
  return left;
}

const nameOf = ({ kind, metadata }: KubernetesObject): string => `${kind}/${metadata.name}`;

/** A lease that nobody holds is history, and a pod that ends is on its way. */
function isHere({ kind, metadata, ...object }: KubernetesObject): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const { holderIdentity = '' } = (object['spec'] ?? {}) as { holderIdentity?: string };
  return kind !== 'Lease' || holderIdentity !== '';
}
