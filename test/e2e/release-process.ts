// A runner by itself, which a test can kill: `node release-process.ts JSON`. Releases the manifests of a folder and
// prints each event, and at last the result, as a line of JSON.
import { createKubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { RunEvent } from '../../src/ports/events.ts';
import type { StageContext } from '../../src/ports/stage.ts';
import { createMeasurements } from '../../src/probes/measure.ts';
import { deployStage, type DeployInput } from '../../src/stages/deploy/deploy-stage.ts';
import { folderAgent } from '../fakes/folder-agent.ts';

/** What the process is told. */
export interface ReleaseOrder {
  kubeconfig: string;
  /** Folder with the manifests. */
  directory: string;
  runId: string;
  namespace: string;
  settings: Partial<DeployInput['deploy']>;
}

const order = JSON.parse(process.argv[2] ?? '') as ReleaseOrder;
const kubernetes = await createKubernetes({ kubeconfig: order.kubeconfig });
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const controller = new AbortController();
process.once('SIGTERM', () => controller.abort(new Error('cancelled')));

const context = {
  run: { id: order.runId, pipeline: 'web', namespace: order.namespace },
  stage: { name: 'deploy', attempt: 1 },
  agent: () => Promise.resolve(folderAgent(order.directory)),
  container: 'main',
  env: {},
  workingDirectory: order.directory,
  outputs: {},
  emit: (event: RunEvent) => {
    print({ at: Date.now(), ...event });
    return Promise.resolve();
  },
  clock: systemClock,
  signal: controller.signal,
  offsets: {},
  saveOffset: () => undefined,
} satisfies Partial<StageContext>;

try {
  const stage = deployStage({
    cluster: kubernetes.cluster,
    leases: kubernetes.leases,
    clock: systemClock,
    pods: kubernetes.pods,
    measurements: createMeasurements({ cluster: kubernetes.cluster, pods: kubernetes.pods }),
    who: 'test',
  });
  const deploy = { manifests: '*.yaml', namespace: order.namespace, ...order.settings };
  const result = await stage.run({ deploy }, context as unknown as StageContext);
  print({ type: 'result', ...result });
} catch (error) {
  print({ type: 'error', message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
} finally {
  await kubernetes.close();
}
