import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ForbiddenError,
  QuotaError,
  RejectedError,
  type ClusterError,
} from '../../../../src/ports/cluster-errors.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import { deployStage } from '../../../../src/stages/deploy/deploy-stage.ts';
import { planRelease } from '../../../../src/stages/deploy/plan-release.ts';
import { deploySettings, type DeploySettings } from '../../../../src/stages/deploy/settings.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { folderAgent } from '../../../fakes/folder-agent.ts';
import { World } from '../../release/release-world.ts';

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

/** The manifests with a label more in the pods and in the selector of the Service. */
const inTier = (tier: string) =>
  manifests
    .replace('labels: {app: web}}\n    spec', `labels: {app: web, tier: ${tier}}}\n    spec`)
    .replace('selector: {app: web}', `selector: {app: web, tier: ${tier}}`);

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
  const stage = deployStage({ ...dependencies(), who: 'test', chosenCluster: 'sandbox' });
  const deploy = deploySettings.parse({ manifests: 'k8s/*.yaml', namespace: 'shop', ...settings });
  return stage.run({ deploy }, context as StageContext);
}

function dependencies() {
  const pods = { logs: () => Promise.reject(new Error('no logs here')) };
  const { cluster, leases, clock } = world;
  return { cluster, leases, clock, pods };
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
    expect(notices()).toContain('created namespace shop');
  });

  it('says what to do when the namespace is not there', async () => {
    await expect(deploy()).rejects.toMatchObject({
      message: 'namespace shop does not exist',
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
      message:
        'nothing was changed: the cluster rejected k8s/web.yaml:20: Service shop/web: spec.ports: Required value',
    });
    expect(live()).toBeUndefined();
    expect(world.cluster.all('ConfigMap')).toEqual([]);
  });

  describe('into a namespace that it makes', () => {
    const rejects = (error: ClusterError) => {
      const apply = world.cluster.apply.bind(world.cluster);
      world.cluster.apply = (object, options) =>
        object.metadata.namespace === 'ci' && object.kind === 'Deployment'
          ? Promise.reject(error)
          : apply(object, options);
    };
    const message =
      'failed to create typed patch object: .spec.template.spec.containers[name="web"].ports: no';

    beforeEach(async () => {
      await world.cluster.create(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ci' } },
        { signal },
      );
    });

    it('makes nothing when an object does not fit its schema', async () => {
      rejects(new RejectedError(message, { status: 500 }));

      const result = await deploy({ createNamespace: true });

      expect(result).toMatchObject({
        outcome: 'failed',
        message: `nothing was changed: the cluster rejected k8s/web.yaml:14: Deployment shop/web: ${message}`,
      });
      expect(world.cluster.all('Namespace').map(({ metadata }) => metadata.name)).toEqual(['ci']);
      expect(world.cluster.all('Service')).toEqual([]);
    });

    it.each([
      new QuotaError('exceeded quota: small', { status: 403 }),
      new ForbiddenError('no right in ci', { status: 403 }),
      new RejectedError('admission webhook "w" denied the request', { status: 403 }),
    ])('does not take what holds in another namespace for its own: $message', async (error) => {
      rejects(error);

      expect(await deploy({ createNamespace: true })).toMatchObject({ outcome: 'succeeded' });
      expect(live()).toBeDefined();
    });
  });

  it('writes nothing when a Service would lose its endpoints', async () => {
    await makeNamespace();
    await writeFile(join(checkout, 'k8s', 'web.yaml'), inTier('a'));
    await deploy();
    await writeFile(join(checkout, 'k8s', 'web.yaml'), inTier('b'));
    const stored = () => ['ConfigMap', 'Lease', 'Service'].flatMap((kind) => world.cluster.all(kind));
    const before = stored();
    const acquire = jest.spyOn(world.leases, 'acquire');

    const result = await deploy();

    expect(result).toMatchObject({
      outcome: 'failed',
      message: expect.stringMatching(
        /Service shop\/web: its selector changes from app=web,tier=a to app=web,tier=b/,
      ),
      hint: expect.stringContaining('two steps'),
    });
    expect(acquire).not.toHaveBeenCalled();
    expect(stored()).toEqual(before);
    expect(before).not.toEqual([]);
  });

  it('tells once what the API warns of, and where it stands', async () => {
    await makeNamespace();
    const unknown = 'unknown field "spec.template.spec.containers[0].ports"';
    world.cluster.warningsOf = (verb, { kind }) => [
      ...(verb === 'apply' && kind === 'Deployment' ? [unknown, unknown] : []),
      ...(kind === 'Service' || kind === 'Secret' ? [`v1 is old`] : []),
    ];

    await deploy();

    const about = notices().filter((message) => /unknown|old/.test(message));
    expect(about).toEqual([
      expect.stringMatching(/^k8s\/web\.yaml:22: Secret shop\/web-\w+ and 1 more: v1 is old$/),
      `k8s/web.yaml:14: Deployment shop/web: ${unknown}`,
    ]);
  });

  it('tells what the API warns of when it refuses an object', async () => {
    await makeNamespace();
    world.cluster.warningsOf = (_, { kind }) => (kind === 'Service' ? ['would violate a rule'] : []);
    world.cluster.before = (verb, { kind }) => {
      if (verb === 'apply' && kind === 'Service') throw new RejectedError('no');
    };

    expect(await deploy()).toMatchObject({ outcome: 'failed' });
    expect(notices()).toContain('k8s/web.yaml:17: Service shop/web: would violate a rule');
  });

  it('tells what the API warns of only when it stores an object, once', async () => {
    await makeNamespace();
    const onStore = world.cluster.onStore;
    let stored = false;
    world.cluster.onStore = (object, before) => {
      stored ||= object.kind === 'Secret' && object.metadata.namespace === 'shop';
      onStore(object, before);
    };
    world.cluster.warningsOf = (verb, { kind }) =>
      stored && verb === 'apply' && kind !== 'ConfigMap' ? ['a webhook says hello'] : [];

    await deploy();

    expect(notices().filter((message) => message.includes('hello'))).toEqual([
      expect.stringMatching(/^k8s\/web\.yaml:22: Secret shop\/web-\w+: a webhook says hello$/),
    ]);
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

  it('says what was wrong and what is serving when the release was rolled back', async () => {
    await makeNamespace();
    await deploy();

    const result = await deploy({ images: { web: 'shop/web:bad' } });

    expect(result.outcome).toBe('rolledBack');
    expect(result.message).toMatch(
      /revision 2 was rolled back; revision 1 is serving: image shop\/web:bad cannot be pulled/,
    );
    expect(live()?.spec.template?.spec.containers[0]?.image).toBe('shop/web:latest');
  });

  it('names the command that shows a failed first release, with the cluster that was chosen', async () => {
    await makeNamespace();

    expect(await deploy({ images: { web: 'shop/web:bad' } })).toMatchObject({
      outcome: 'failed',
      hint: 'pipeline release status web --namespace shop --cluster sandbox shows what is there',
    });
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

    expect(await deploy()).toMatchObject({ outcome: 'succeeded' });
    expect(world.cluster.all('Widget')[0]?.['spec']).toEqual({ value });
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
        elsewhere: 'ci',
      },
      { signal },
    );

  it('tells what the API warns of, with the line', async () => {
    await makeNamespace();
    world.cluster.warningsOf = (_, { kind }) => (kind === 'Deployment' ? ['spec.replicas: too many'] : []);

    const { warnings } = await plan(manifests);

    expect(warnings).toContain('k8s/web.yaml:6: Deployment shop/web: spec.replicas: too many');
  });

  it('does not take what Pod Security warns of in another namespace for its own', async () => {
    await world.cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ci' } }, { signal });
    world.cluster.warningsOf = (verb, { kind }) =>
      verb === 'apply' && kind === 'Deployment'
        ? ['would violate PodSecurity "restricted:latest"', 'spec.replicas: too many']
        : [];

    const { warnings } = await plan(manifests, { createNamespace: true });

    expect(warnings.join()).toContain('spec.replicas: too many');
    expect(warnings.join()).not.toContain('PodSecurity');
  });

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

  it.each([
    ['rolling', 1],
    ['blueGreen', 0],
  ])('warns of a rollout that leaves no pod, if %s does not hold it', async (strategy, count) => {
    await makeNamespace();
    const one = manifests.replace(
      'replicas: 3',
      'replicas: 1\n  strategy: {rollingUpdate: {maxUnavailable: 1}}',
    );

    const { warnings } = await plan(one, { strategy: { [strategy]: {} } });

    expect(warnings.filter((warning) => warning.includes('has one replica'))).toHaveLength(count);
  });

  it('checks in another namespace what its own is not there for, and says what could not be checked', async () => {
    const role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: web }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
`;
    const checked = await plan(manifests);
    await makeNamespace();
    const refers = await plan(role);

    expect(checked.objects.map(({ change, unchecked }) => [change, unchecked])).toEqual(
      checked.objects.map(() => ['created', undefined]),
    );
    expect(refers.objects).toMatchObject([{ change: 'created', unchecked: true }]);
    expect(world.cluster.all('Deployment')).toEqual([]);
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

  it('says when a Service would lose its endpoints', async () => {
    await makeNamespace();
    await writeFile(join(checkout, 'k8s', 'web.yaml'), inTier('a'));
    await deploy();

    expect((await plan(inTier('b'))).objects).toContainEqual(
      expect.objectContaining({
        reference: expect.objectContaining({ kind: 'Service' }),
        change: 'refused',
        reason: expect.stringMatching(/its selector changes.*requests would fail.*two steps/),
      }),
    );
  });
});
