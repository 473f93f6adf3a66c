import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { createKubernetes, type Kubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { defined } from '../../src/base/defined.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { kubectl } from '../support/kubectl.ts';
import { begunOnce, numbers } from '../support/numbered-lines.ts';
import { expectExit, type PipelineResult } from '../support/pipeline-command.ts';
import { rbacRights, rbacText, rightText } from '../support/rbac-rules.ts';
import { runnerKubeconfig } from '../support/runner-namespaces.ts';
import { makeRunsBench, type RunsBench } from '../support/runs-bench.ts';
import { soon } from '../support/scratch-namespace.ts';
import { waitFor } from '../support/wait-for.ts';
import { webManifests } from './release-runner.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
/** The sandbox has no authorization: it answers every review with yes. */
const describeWhereRightsCount = environment.cluster === 'current' ? describe : describe.skip;

const verbs = 'get list watch create update patch delete deletecollection'.split(' ');

/** Resources by group: those of the Roles, and those that would be worth having to an attacker. */
const resources: Record<string, string> = {
  '': `pods pods/exec pods/attach pods/portforward pods/proxy pods/log pods/status pods/eviction pods/ephemeralcontainers
    services services/proxy configmaps secrets serviceaccounts serviceaccounts/token persistentvolumeclaims endpoints
    events namespaces namespaces/finalize nodes nodes/proxy persistentvolumes replicationcontrollers resourcequotas
    limitranges bindings`,
  apps: `deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale daemonsets
    controllerrevisions`,
  batch: 'jobs cronjobs',
  autoscaling: 'horizontalpodautoscalers',
  policy: 'poddisruptionbudgets',
  'networking.k8s.io': 'ingresses networkpolicies',
  'gateway.networking.k8s.io': 'httproutes gateways gatewayclasses referencegrants',
  'discovery.k8s.io': 'endpointslices',
  'coordination.k8s.io': 'leases',
  'rbac.authorization.k8s.io': 'roles rolebindings clusterroles clusterrolebindings',
  'apiextensions.k8s.io': 'customresourcedefinitions',
  'admissionregistration.k8s.io': 'mutatingwebhookconfigurations validatingwebhookconfigurations',
  'certificates.k8s.io': 'certificatesigningrequests certificatesigningrequests/approval',
};

const cells = Object.entries(resources).flatMap(([group, paths]) =>
  paths.split(/\s+/).flatMap((path) => {
    const [resource = '', subresource] = path.split('/');
    return verbs.map((verb) => ({
      verb,
      group,
      resource,
      ...defined({ subresource }),
    }));
  }),
);

describeWhereRightsCount('the rights that a file of deploy/rbac gives', () => {
  const admin = kubectl(environment.kubeconfig);
  const id = `e2e-rbac-${randomBytes(3).toString('hex')}`;
  const agents = `${id}-agents`;
  const application = `${id}-app`;
  let folder: string;
  let runner: Kubernetes;

  beforeAll(async () => {
    for (const namespace of [agents, application]) await admin.run(['create', 'namespace', namespace]);
    await admin.run(['create', 'serviceaccount', 'slipway-runner', '--namespace', agents]);
    folder = await mkdtemp(join(tmpdir(), 'slipway-e2e-'));
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, await runnerKubeconfig(admin, agents), { mode: 0o600 });
    runner = await createKubernetes({ kubeconfig });
  });
  afterAll(async () => {
    await runner.close();
    await admin.try(['delete', 'clusterrole,clusterrolebinding', id]);
    await admin.run(['delete', 'namespace', agents, application, '--wait=false']);
    await rm(folder, { recursive: true, force: true });
  });

  /** All cells of the table that the API server says yes to, in one namespace or in all. */
  async function allowed(namespace?: string): Promise<string[]> {
    const questions = cells.map((cell) => ({ ...cell, ...defined({ namespace }) }));
    const answers = await runner.cluster.mayI(questions, soon(200_000));
    return questions
      .filter((_question, index) => answers[index])
      .map(rightText)
      .sort();
  }

  async function inPlace(text: string, verb: 'apply' | 'delete'): Promise<void> {
    await admin.run([verb, '--filename', '-'], text);
  }

  it('are those of an application in its namespace alone, without a program in its pods', async () => {
    const text = await rbacText('application-namespace.yaml', { ci: agents, shop: application });
    await inPlace(text, 'apply');

    expect(await allowed(application)).toEqual(await rbacRights('application-namespace.yaml'));
    expect(await allowed(agents)).toEqual([]);
    expect(await allowed()).toEqual([]);
    // What looked like a right to exec: kubectl reads TYPE/NAME, and asks about a pod whose name is "exec".
    const as = ['--namespace', application, `--as=system:serviceaccount:${agents}:slipway-runner`];
    expect((await admin.try(['auth', 'can-i', 'create', 'pods/exec', ...as])).stdout).toBe('yes\n');
    expect((await admin.try(['auth', 'can-i', 'create', 'pods', '--subresource=exec', ...as])).stdout).toBe(
      'no\n',
    );
    await inPlace(text, 'delete');
  });

  it('are those of agents in their namespace alone', async () => {
    await inPlace(await rbacText('agent-namespace.yaml', { ci: agents }), 'apply');

    expect(await allowed(agents)).toEqual(await rbacRights('agent-namespace.yaml'));
    expect(await allowed(application)).toEqual([]);
    expect(await allowed('kube-system')).toEqual([]);
    expect(await allowed()).toEqual([]);
  });

  it('are namespaces alone, where they may be created', async () => {
    const text = (await rbacText('create-namespaces.yaml', { ci: agents })).replaceAll(
      'slipway-create-namespaces',
      id,
    );
    await inPlace(text, 'apply');

    expect(await allowed()).toEqual(await rbacRights('create-namespaces.yaml'));
    expect(await allowed(application)).toEqual(await rbacRights('create-namespaces.yaml'));
  });
});

describeWhereRightsCount('a runner with the rights of deploy/rbac', () => {
  let bench: RunsBench;
  const results: PipelineResult[] = [];

  beforeAll(async () => {
    bench = await makeRunsBench('rights');
    const { admin, agents, application } = bench.namespaces;
    await admin.run(['delete', 'role,rolebinding', 'slipway-releases', '--namespace', application]);
    const value = '--from-literal=login=the-cluster-knows-it';
    await admin.run(['create', 'secret', 'generic', 'shared', value, '--namespace', agents]);
  });
  afterEach(async () => {
    await bench.killAll();
    // What is refused is a warning in places: a right that only a warning asks for is missing all the same.
    const said = results.splice(0).map(({ stdout, stderr }) => stdout + stderr);
    expect(said.join('\n')).not.toMatch(/forbidden|not allowed|cannot \S+ resource/i);
  });
  afterAll(() => bench.remove());

  async function command(...args: string[]): Promise<string> {
    const result = await bench.pipeline(...args);
    results.push(result);
    expectExit(result, 0);
    return result.stdout;
  }

  const secrets = {
    token: { env: 'PASSWORD' },
    login: { kubernetes: { name: 'shared' } },
  };

  it('of the namespace of agents alone runs, watches and resumes', async () => {
    expect(await command('doctor')).toMatch(/✓ all \d+ rights are given in/);
    const env = { TOKEN: { secret: 'token' }, LOGIN: { secret: 'login' } };
    const stages = [{ ...numbers(4000, 0.6), env }, begunOnce];
    const { running, id } = await bench.beginRun(stages, { secrets });
    const watching = bench.begin('attach', id);
    await watching.output(/number 1000\n/);
    expect(await bench.stateOf(id)).toBe('running');
    await bench.kill(running);

    expect(await command('resume', id)).toMatch(/begun 1 times\n/);
    const watched = await watching.result;
    results.push(watched);
    expectExit(watched, 0);
    expect(watched.stdout).toContain('[count] number 4000\n');
  });

  it('of the namespace of agents alone prints logs, cancels and cleans up', async () => {
    const second = await bench.beginRun([{ name: 'long', run: 'echo begun; sleep 100' }]);
    await second.running.output(/\[long\] begun/);
    expect(await command('logs', second.id, 'long')).toBe('[long] begun\n');
    expect(await command('cancel', second.id)).toContain(`cancelling run ${second.id}`);
    const cancelled = await second.running.result;
    results.push(cancelled);
    expectExit(cancelled, 4);

    const third = await bench.beginRun([{ name: 'long', run: 'echo begun; sleep 100' }], { secrets });
    await third.running.output(/\[long\] begun/);
    await bench.kill(third.running);
    await waitFor('the dead runner’s pod to be removed', async () => {
      await command('gc', '--older-than', '0s');
      return (await bench.left()).length === 0 ? true : undefined;
    });
    expect(await bench.runsNow()).toEqual([]);
  });

  it('of an application’s namespace besides releases and verifies it', async () => {
    const { admin, agents, application } = bench.namespaces;
    const rights = await rbacText('application-namespace.yaml', { ci: agents, shop: application });
    await admin.run(['apply', '--filename', '-'], rights);
    const text = webManifests({ version: '7', replicas: 1 });
    const url = `http://web.${application}/`;
    const file = await bench.folder.pipeline([
      { name: 'manifests', env: { TEXT: text }, run: 'printf "%s" "$TEXT" > web.yaml' },
      { name: 'deploy', deploy: { manifests: 'web.yaml', namespace: application, prune: true } },
      { name: 'smoke', verify: { http: { url, expect: { json: { version: '7' } } }, retries: 5 } },
    ]);

    expect(await command('doctor', file)).toMatch(/✓ all \d+ rights are given in/);
    await command('run', file, '--results', join(bench.folder.path, 'results'));

    const ready = '--output=jsonpath={.status.readyReplicas}';
    expect(await admin.run(['get', 'deployment', 'web', '--namespace', application, ready])).toBe('1');
  });
});
