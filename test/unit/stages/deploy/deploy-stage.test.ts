import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RejectedError } from '../../../../src/ports/cluster-errors.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import { deployStage } from '../../../../src/stages/deploy/deploy-stage.ts';
import { planRelease } from '../../../../src/stages/deploy/plan-release.ts';
import { deploySettings, type DeploySettings } from '../../../../src/stages/deploy/settings.ts';
import type { Workload } from '../../../../src/strategies/workload-objects.ts';
import { folderAgent } from '../../../fakes/folder-agent.ts';
import { World } from '../../strategies/release-world.ts';

const { signal } = new AbortController();
const digest = `sha256:${'b'.repeat(64)}`;
const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: shop/web:latest
          ports: [{name: http, containerPort: 8080}]
          envFrom: [{secretRef: {name: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {PASSWORD: open-sesame}
`;

let world: World;
let checkout: string;
let events: RunEvent[];

beforeEach(async () => {
  world = new World((image) => (image.includes('bad') ? 'imagePull' : 'ready'));
  events = [];
  checkout = await mkdtemp(join(tmpdir(), 'slipway-deploy-'));
  await mkdir(join(checkout, 'k8s'));
  await writeFile(join(checkout, 'k8s', 'web.yaml'), manifests);
});

afterEach(async () => {
  world.close();
  await rm(checkout, { recursive: true });
});

async function makeNamespace(): Promise<void> {
  await world.cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }, { signal });
}

function deploy(
  settings: Partial<DeploySettings> = {},
  outputs: Record<string, Record<string, string>> = {},
) {
  const context: Partial<StageContext> = {
    run: { id: `run-${String(events.length)}`, pipeline: 'web', namespace: 'ci' },
    stage: { name: 'deploy', attempt: 1 },
    agent: async () => folderAgent(checkout),
    container: 'main',
    workingDirectory: checkout,
    outputs,
    emit: async (event) => void events.push(event),
    clock: world.clock,
    signal,
  };
  const stage = deployStage({ ...dependencies(), who: 'test' });
  const deploy = deploySettings.parse({ manifests: 'k8s/*.yaml', namespace: 'shop', ...settings });
  return stage.run({ deploy }, context as StageContext);
}

function dependencies() {
  const pods = { logs: () => Promise.reject(new Error('no logs here')) };
  return { cluster: world.cluster, clock: world.clock, pods };
}

const live = () =>
  world.cluster.peek<Workload>({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' });

const notices = () => events.filter((event) => event.type === 'notice').map(({ message }) => message);

describe('the deploy stage', () => {
  it('releases the manifests of the checkout with the image that the run pushed', async () => {
    await makeNamespace();
    const reference = `shop/web@${digest}`;

    const result = await deploy({}, { image: { reference } });

    expect(result).toMatchObject({ outcome: 'succeeded', outputs: { application: 'web', revision: '1' } });
    expect(live()?.spec.template?.spec.containers[0]?.image).toBe(reference);
    expect(live()?.metadata.labels).toMatchObject({ 'slipway.dev/application': 'web' });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'release.progress', phase: 'progressing' }),
    );
  });

  it('writes the protocol of ports, which old API servers need', async () => {
    await makeNamespace();

    await deploy();

    const [service] = world.cluster.all('Service');
    expect(service?.['spec']).toMatchObject({ ports: [{ protocol: 'TCP' }] });
  });

  it('makes the namespace when it is asked to', async () => {
    await deploy({ createNamespace: true });

    expect(world.cluster.all('Namespace').map(({ metadata }) => metadata.name)).toEqual(['shop']);
    expect(notices()).toContain('made namespace shop');
  });

  it('says what to do when the namespace is not there', async () => {
    await expect(deploy()).rejects.toMatchObject({
      message: 'namespace shop is not there',
      hint: expect.stringContaining('createNamespace: true'),
    });
  });

  it('changes nothing when the API refuses an object', async () => {
    await makeNamespace();
    const apply = world.cluster.apply.bind(world.cluster);
    world.cluster.apply = (object, options) =>
      object.kind === 'Service'
        ? Promise.reject(new RejectedError('spec.ports: Required value'))
        : apply(object, options);

    const result = await deploy();

    expect(result).toMatchObject({
      outcome: 'failed',
      message: 'nothing was changed, the cluster refuses Service shop/web: spec.ports: Required value',
    });
    expect(live()).toBeUndefined();
    expect(world.cluster.all('ConfigMap')).toEqual([]);
  });

  it('says which version of a kind the cluster serves', async () => {
    await makeNamespace();
    await writeFile(
      join(checkout, 'k8s', 'pdb.yaml'),
      'apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n',
    );
    for (const version of ['v1', 'v2', 'v2beta2', 'v2beta1']) {
      world.cluster.unserved.add(`policy/${version}/PodDisruptionBudget`);
    }

    await expect(deploy()).rejects.toThrow(
      /k8s\/pdb\.yaml:1: .*does not serve policy\/v1 PodDisruptionBudget; it serves policy\/v1beta1/,
    );
  });

  it('tells what was wrong and what serves when the release was taken back', async () => {
    await makeNamespace();
    await deploy();

    const result = await deploy({ images: { web: 'shop/web:bad' } });

    expect(result.outcome).toBe('rolledBack');
    expect(result.message).toMatch(
      /revision 2 was taken back; revision 1 serves: image shop\/web:bad cannot be pulled/,
    );
    expect(live()?.spec.template?.spec.containers[0]?.image).toBe('shop/web:latest');
  });

  it('refuses paths that leave the checkout', async () => {
    await expect(deploy({ manifests: '../secrets/*.yaml' })).rejects.toThrow(/leaves the checkout/);
  });

  it('reads a manifest that is larger than one answer of the agent, whole', async () => {
    await makeNamespace();
    const value = 'é'.repeat(1_100_000);
    await writeFile(
      join(checkout, 'k8s', 'big.yaml'),
      `apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: big}\nspec: {value: ${value}}\n`,
    );

    await expect(deploy()).rejects.toThrow(/more than a ConfigMap can hold/);
  });
});

describe('planRelease', () => {
  const plan = (text: string, settings: Partial<DeploySettings> = {}) =>
    planRelease(
      {
        ...dependencies(),
        files: [{ path: 'k8s/web.yaml', text }],
        settings: deploySettings.parse({ manifests: 'k8s', ...settings }),
        application: 'web',
        namespace: 'shop',
      },
      { signal },
    );

  it('tells what would be made, and changes nothing', async () => {
    await makeNamespace();

    const { objects, steps, warnings } = await plan(manifests);

    expect(objects.map(({ reference, change }) => [reference.kind, change])).toEqual([
      ['Secret', 'created'],
      ['Service', 'created'],
      ['Deployment', 'created'],
    ]);
    expect(steps).toContainEqual(expect.stringContaining('first release'));
    expect(warnings).toHaveLength(2);
    expect(live()).toBeUndefined();
  });

  it('tells what would change field by field, what would be pruned, and hides the values of Secrets', async () => {
    await makeNamespace();
    await deploy({ configuration: 'inPlace' });

    const changed = manifests.replace('replicas: 3', 'replicas: 4').replace('open-sesame', 'new-secret');
    const { objects, stable } = await plan(changed.replace(/---\napiVersion: v1\nkind: Service[^-]*/, ''), {
      prune: true,
      configuration: 'inPlace',
    });

    expect(stable).toBe(1);
    const of = (kind: string) => objects.find(({ reference }) => reference.kind === kind);
    expect(of('Deployment')?.fields).toEqual([{ path: 'spec.replicas', before: 3, after: 4 }]);
    expect(of('Service')?.change).toBe('pruned');
    expect(of('Secret')?.fields).toEqual([
      { path: 'data.PASSWORD', before: '(hidden)', after: '(hidden) new value' },
    ]);
    expect(JSON.stringify(objects)).not.toContain(Buffer.from('new-secret').toString('base64'));
  });

  it('says unchanged of what is as it should be', async () => {
    await makeNamespace();
    await deploy();

    expect((await plan(manifests)).objects.map(({ change }) => change)).toEqual([
      'unchanged',
      'unchanged',
      'unchanged',
    ]);
  });
});
