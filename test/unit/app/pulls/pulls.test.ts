import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { checkPulls } from '../../../../src/app/pulls/check-pulls.ts';
import type { PullPlan } from '../../../../src/app/pulls/pull-plan.ts';
import { warnOfPulls } from '../../../../src/app/pulls/warn-of-pulls.ts';
import { planFile } from '../../../../src/app/plan-file.ts';
import { validateFile } from '../../../../src/app/validate.ts';
import { bindNamespace } from '../../../../src/plan/compile-plan.ts';
import { ForbiddenError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();
const repository = 'harbor.example.com/shop/web';
const says = (words: string) => expect.stringContaining(words);
let directory: string;
let cluster: FakeCluster;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pulls-'));
  cluster = new FakeCluster();
});
afterEach(() => rm(directory, { recursive: true }));

/** A Deployment of a container with the image that is pushed, as `spec` of its pods says otherwise. */
const deployment = (spec: Record<string, unknown> = {}, image = `${repository}:1`): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image }], ...spec },
    },
  },
});
const account = (names: readonly string[], name = 'default', namespace = 'shop'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
  imagePullSecrets: names.map((each) => ({ name: each })),
});
const login = (name: string, host = 'harbor.example.com', namespace = 'shop'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [host]: { auth: 'YTpi' } } })).toString(
      'base64',
    ),
  },
});

interface Change {
  image?: Record<string, unknown>;
  deploy?: Record<string, unknown>;
  deployStage?: Record<string, unknown>;
  document?: Record<string, unknown>;
}

/** Writes a pipeline that pushes and deploys, with its manifests beside it. */
async function write(objects: readonly KubernetesObject[], change: Change = {}): Promise<string> {
  const document = {
    apiVersion: 'slipway.dev/v1',
    kind: 'Pipeline',
    name: 'web',
    secrets: { harbor: { env: 'HARBOR' } },
    agent: { containers: { main: { image: 'node:24' } } },
    stages: [
      { name: 'image', image: { repository, credentials: 'harbor', ...change.image } },
      {
        name: 'deploy',
        deploy: { manifests: 'web.yaml', namespace: 'shop', ...change.deploy },
        ...change.deployStage,
      },
    ],
    ...change.document,
  };
  const file = join(directory, 'app.yaml');
  await writeFile(file, stringify(document));
  await writeFile(join(directory, 'web.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  return file;
}

async function plan(objects: readonly KubernetesObject[], change?: Change): Promise<PullPlan> {
  const file = await write(objects, change);
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8');
  const { plan: unbound } = planFile({ file, text, directory }, { parameters: {}, trigger: {} });
  return bindNamespace(unbound, 'ci');
}

async function check(objects: readonly KubernetesObject[], change?: Change, sandbox = false) {
  return checkPulls(await plan(objects, change), { cluster, sandbox }, { directory, signal });
}

describe('what a cluster says of pods that take what the run pushes with credentials', () => {
  it('finds no login in pod template and ServiceAccount', async () => {
    cluster.put(account([]));

    const [pull, ...more] = await check([deployment()]);

    expect(more).toEqual([]);
    expect(pull).toMatchObject({ stage: 'deploy', state: 'missing' });
    expect(pull?.message).toBe(
      `Deployment shop/web may not be able to pull its image: neither its pod template nor the ServiceAccount default has imagePullSecrets, and stage image pushes ${repository} with credentials`,
    );
  });

  it.each<[string, KubernetesObject[], KubernetesObject[]]>([
    ['of the pod template', [deployment({ imagePullSecrets: [{ name: 'pull' }] })], [login('pull')]],
    [
      'of its ServiceAccount',
      [deployment({ serviceAccountName: 'web' })],
      [account(['pull'], 'web'), login('pull')],
    ],
    [
      'that the release brings',
      [deployment({ serviceAccountName: 'web' }), account(['pull'], 'web'), login('pull')],
      [],
    ],
    [
      'that a controller makes of what the release brings',
      [
        deployment({ imagePullSecrets: [{ name: 'pull' }] }),
        { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name: 'pull' } },
      ],
      [],
    ],
    [
      'that a controller makes by another name',
      [
        deployment({ imagePullSecrets: [{ name: 'pull' }] }),
        {
          ...{ apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name: 'web' } },
          spec: { target: { name: 'pull' } },
        },
      ],
      [],
    ],
  ])('finds the login %s', async (_, objects, live) => {
    for (const object of live) cluster.put(object);

    expect(await check(objects)).toMatchObject([{ state: 'ok' }]);
  });

  it('does not count the ServiceAccount beside secrets of the template, as Kubernetes does not', async () => {
    cluster.put(account(['pull']));
    cluster.put(login('pull'));
    cluster.put(login('other', 'ghcr.io'));

    const [pull] = await check([deployment({ imagePullSecrets: [{ name: 'other' }] })]);

    expect(pull?.message).toContain(
      'its pull secret other has no login for harbor.example.com; it has: ghcr.io',
    );
  });

  it('says when the pull secret is not there, but not on the sandbox, which has none of a real cluster', async () => {
    const objects = [deployment({ imagePullSecrets: [{ name: 'pull' }] })];
    cluster.put(login('pull', 'harbor.example.com', 'elsewhere'));

    expect(await check(objects)).toMatchObject([
      { state: 'missing', message: says('its pull secret pull is not in namespace shop') },
    ]);
    expect(await check(objects, {}, true)).toMatchObject([{ state: 'ok' }]);
  });

  it('says that it was not checked where Secrets may not be read', async () => {
    const forbidden = new Proxy(cluster, {
      get: (target, name) =>
        name === 'get'
          ? () => Promise.reject(new ForbiddenError('secrets "pull" is forbidden'))
          : (Reflect.get(target, name) as unknown),
    });
    const made = await plan([deployment({ imagePullSecrets: [{ name: 'pull' }] })]);

    const checked = await checkPulls(made, { cluster: forbidden, sandbox: false }, { directory, signal });

    expect(checked).toMatchObject([{ state: 'notChecked', message: says('secrets "pull" is forbidden') }]);
  });

  it('is content when ready pods run from there without a pull secret: their nodes have a login', async () => {
    const live = deployment();
    live.metadata.namespace = 'shop';
    cluster.put({ ...live, status: { replicas: 1, updatedReplicas: 1, readyReplicas: 1 } });

    expect(await check([deployment()])).toMatchObject([{ state: 'ok' }]);

    cluster.put({ ...live, status: { readyReplicas: 0 } });
    expect(await check([deployment()])).toMatchObject([{ state: 'missing' }]);
    // New pods that cannot be pulled, beside old ones of another image.
    cluster.put({ ...live, status: { replicas: 3, updatedReplicas: 1, readyReplicas: 2 } });
    expect(await check([deployment()])).toMatchObject([{ state: 'missing' }]);
  });

  it('follows the image that deploy.images gives a container', async () => {
    const images = { web: '${{ stages.image.outputs.reference }}' };

    expect(await check([deployment({}, 'web')], { deploy: { images } })).toMatchObject([
      { state: 'missing' },
    ]);
  });

  it.each<[string, KubernetesObject[], Change]>([
    ['the push needs no credentials', [deployment()], { image: { credentials: undefined } }],
    ['another image is deployed', [deployment({}, 'harbor.example.com/shop/other:1')], {}],
    ['the stage is left out', [deployment()], { deployStage: { when: '1 == 2' } }],
    ['the manifests come with the checkout', [deployment()], { deploy: { manifests: 'k8s/*.yaml' } }],
    ['the manifests are wrong, which others tell', [{ kind: 'Deployment' } as KubernetesObject], {}],
  ])('says nothing when %s', async (_, objects, change) => {
    expect(await check(objects, change)).toEqual([]);
  });

  it('looks at the agent’s own images, too', async () => {
    const containers = { main: { image: `${repository}:tools` } };
    cluster.put(login('pull', 'harbor.example.com', 'ci'));

    const bare = await check([], { document: { agent: { containers } } });
    const named = await check([], { document: { agent: { containers, imagePullSecrets: ['pull'] } } });

    expect(bare).toMatchObject([{ state: 'missing', message: says('agent main may not be able') }]);
    expect(named).toMatchObject([{ state: 'ok' }]);
  });
});

describe('pipeline validate', () => {
  it('warns at the stage of pods without a pull secret', async () => {
    const file = await write([deployment()]);

    const { warnings } = await validateFile(file, []);

    expect(warnings).toMatchObject([
      {
        code: 'pull-secret',
        severity: 'warning',
        path: ['stages', 1, 'deploy'],
        message: says('Deployment shop/web'),
      },
    ]);
    expect(warnings[0]?.line).toBeGreaterThan(1);
  });

  it.each<[string, KubernetesObject[]]>([
    ['the pod template names one', [deployment({ imagePullSecrets: [{ name: 'pull' }] })]],
    ['the ServiceAccount of the manifests has one', [deployment(), account(['pull'])]],
  ])('says nothing when %s', async (_, objects) => {
    expect((await validateFile(await write(objects), [])).warnings).toEqual([]);
  });

  it('takes the defaults of parameters, and is silent about what only a run knows', async () => {
    const parameters = {
      host: { type: 'string', default: 'harbor.example.com' },
      path: { type: 'string', required: true },
    };
    const known = { image: { repository: '${{ params.host }}/shop/web' }, document: { parameters } };
    const unknown = {
      image: { repository: '${{ params.host }}/${{ params.path }}' },
      document: { parameters },
    };

    expect((await validateFile(await write([deployment()], known), [])).warnings).toHaveLength(1);
    expect((await validateFile(await write([deployment()], unknown), [])).warnings).toEqual([]);
  });
});

describe('a run', () => {
  it('warns, and goes on whatever keeps it from looking', async () => {
    const warnings: string[] = [];
    const logger = {
      ...{ error: () => undefined, info: () => undefined, debug: () => undefined },
      warn: (message: string) => void warnings.push(message),
    };
    const request = { plan: await plan([deployment()]), directory, logger: logger as never };

    await warnOfPulls({ ...request, connection: { cluster, sandbox: false } }, { signal });

    expect(warnings).toEqual([says('kubectl create secret docker-registry NAME --namespace shop')]);
    const broken = new Proxy(cluster, {
      get: () => () => Promise.reject(new Error('broken')),
    });
    await warnOfPulls({ ...request, connection: { cluster: broken, sandbox: false } }, { signal });
    expect(warnings).toHaveLength(1);
  });
});
