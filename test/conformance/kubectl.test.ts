import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patience, useLab } from './lab.ts';
import {
  condition,
  configMap,
  container,
  deployment,
  idle,
  imageValue,
  isRolledOut,
  job,
  pod,
  service,
} from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('kubectl');
const slow = 40_000 * patience;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-kubectl-'));
  await lab.create('deployments', deployment('web', { replicas: 2 }));
  await lab.create('services', service('web'));
  await lab.create(
    'pods',
    pod('shell', '', {
      containers: [container(idle), container(`echo talking; ${idle}`, { name: 'talker' })],
    }),
  );
  await lab.until('deployments', 'web', isRolledOut, 30);
  await lab.until('pods', 'shell', (object) => condition(object, 'Ready')?.status === 'True', 25);
}, 60_000 * patience);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs kubectl and fails with what it said when it fails. */
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Runs kubectl with an object as its input. */
async function feed(object: Json, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.kubectl([...args, '-f', '-'], JSON.stringify(object));
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}

describe('kubectl get', () => {
  it.each([
    [['deployments'], /^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+2\/2\s+2\s+2\s+\d+s/],
    [['pods', 'shell'], /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\nshell\s+2\/2\s+Running\s+0\s+\d+s/],
    [['pods', 'shell', '-o', 'wide'], /IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES\n/],
    [['rs'], /^NAME\s+DESIRED\s+CURRENT\s+READY\s+AGE\nweb-\w+\s+2\s+2\s+2/],
    [
      ['svc', 'web'],
      /^NAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE\nweb\s+ClusterIP\s+[\d.]+\s+<none>\s+80\/TCP/,
    ],
    [['deploy', 'web', '-o', 'wide'], /CONTAINERS\s+IMAGES\s+SELECTOR\n.*main\s+busybox:local\s+app=web/],
    [['all'], /pod\/shell[\s\S]*service\/web[\s\S]*deployment\.apps\/web[\s\S]*replicaset\.apps\/web-/],
    [['deploy/web', 'svc/web', '-o', 'name'], /^deployment\.apps\/web\nservice\/web\n$/],
    [['pod', 'shell', '-o', 'jsonpath={.spec.containers[*].name}'], /^main talker$/],
    [['deploy', 'web', '-o', 'go-template={{.spec.replicas}}'], /^2$/],
    [['pods', '-l', 'app=web', '--no-headers'], /^web-\S+\s+1\/1\s+Running.*\nweb-\S+\s+1\/1\s+Running.*\n$/],
    [['pods', '--field-selector', 'metadata.name=shell', '-o', 'name'], /^pod\/shell\n$/],
    [['pods', '--show-labels', '-l', 'app=web'], /LABELS\n.*app=web,pod-template-hash=/],
    [['deploy', 'web', '-o', 'custom-columns=N:.metadata.name,R:.spec.replicas'], /^N\s+R\nweb\s+2\n$/],
    [['deploy', '--sort-by=.metadata.name', '-o', 'name'], /deployment\.apps\/web/],
    [['nodes'], /^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\n\S+\s+Ready/],
    [['endpoints', 'web'], /^NAME\s+ENDPOINTS\s+AGE\nweb\s+[\d.]+:8080,[\d.]+:8080/],
  ])(
    '%j',
    async (args, expected) => {
      expect(await ok('get', ...args)).toMatch(expected);
    },
    slow,
  );

  it(
    'json and yaml say the same',
    async () => {
      const json = JSON.parse(await ok('get', 'service', 'web', '-o', 'json'));

      expect(await ok('get', 'service', 'web', '-o', 'yaml')).toContain(`uid: ${json.metadata.uid}`);
    },
    slow,
  );

  it(
    'of nothing says so',
    async () => {
      const { stderr } = await lab.kubectl(['get', 'cronjobs']);
      const missing = await lab.kubectl(['get', 'pod', 'nobody']);

      expect(stderr).toContain('No resources found in');
      expect([missing.code, missing.stderr]).toEqual([
        1,
        'Error from server (NotFound): pods "nobody" not found\n',
      ]);
    },
    slow,
  );

  it(
    'of an unknown kind fails',
    async () => {
      const { code, stderr } = await lab.kubectl(['get', 'nosuchthings']);

      expect(code).toBe(1);
      expect(stderr).toContain('the server doesn\'t have a resource type "nosuchthings"');
    },
    slow,
  );

  it(
    'raw gives what the server says',
    async () => {
      expect(await ok('get', '--raw', '/healthz')).toBe('ok');
    },
    slow,
  );
});

describe('kubectl describe', () => {
  it.each([
    [
      'deployment',
      'web',
      [
        'Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable',
        'StrategyType:           RollingUpdate',
        'ScalingReplicaSet',
        'NewReplicaSet:   web-',
      ],
    ],
    ['pod', 'shell', ['Status:       ', 'Containers:', 'State:          Running', 'Events:']],
    ['service', 'web', ['Selector:', 'app=web', 'Endpoints:']],
    [
      'replicaset',
      '-lapp=web',
      ['Controlled By:', 'Deployment/web', 'Pods Status:', '2 Running / 0 Waiting / 0 Succeeded / 0 Failed'],
    ],
    ['namespace', '', ['Status:       Active']],
    ['node', '', ['Capacity:', 'Allocatable:', 'Conditions:']],
  ])(
    '%s',
    async (kind, name, expected) => {
      const args = kind === 'namespace' ? [kind, lab.namespace] : name === '' ? [kind] : [kind, name];

      const text = (await ok('describe', ...args)).replace(/[ \t]+/g, ' ');

      for (const part of expected) expect(text).toContain(part.replace(/[ \t]+/g, ' ').trimEnd());
    },
    slow,
  );
});

describe('kubectl apply', () => {
  it(
    'creates, leaves alone, changes and removes what is no longer given',
    async () => {
      const first = await feed(configMap('applied', { a: '1', b: '2' }), 'apply');
      const same = await feed(configMap('applied', { a: '1', b: '2' }), 'apply');
      const less = await feed(configMap('applied', { a: '3' }), 'apply');

      expect([first, same, less]).toEqual([
        'configmap/applied created\n',
        'configmap/applied unchanged\n',
        'configmap/applied configured\n',
      ]);
      expect((await lab.get('configmaps', 'applied')).data).toEqual({ a: '3' });
    },
    slow,
  );

  it(
    'merges a Deployment with what others set',
    async () => {
      await feed(deployment('merged', { replicas: 0 }), 'apply');
      await ok('set', 'env', 'deployment/merged', 'ADDED=yes');

      await feed(deployment('merged', { replicas: 0, minReadySeconds: 1 }), 'apply');

      const { spec } = await lab.get('deployments', 'merged');
      expect(spec.minReadySeconds).toBe(1);
      expect(spec.template.spec.containers[0].env).toEqual([{ name: 'ADDED', value: 'yes' }]);
    },
    slow,
  );

  it(
    'on the server writes a manager and tells of conflicts',
    async () => {
      const made = await feed(
        configMap('server-side', { a: '1' }),
        'apply',
        '--server-side',
        '--field-manager=one',
      );
      const conflict = await lab.kubectl(
        ['apply', '--server-side', '--field-manager=two', '-f', '-'],
        JSON.stringify(configMap('server-side', { a: '2' })),
      );
      const forced = await feed(
        configMap('server-side', { a: '2' }),
        'apply',
        '--server-side',
        '--field-manager=two',
        '--force-conflicts',
      );

      expect([made, forced]).toEqual([
        'configmap/server-side serverside-applied\n',
        'configmap/server-side serverside-applied\n',
      ]);
      expect(conflict.code).toBe(1);
      expect(conflict.stderr).toContain('Apply failed with 1 conflict: conflict with "one": .data.a');
    },
    slow,
  );

  it(
    'with --dry-run=server changes nothing',
    async () => {
      expect(await feed(configMap('dry'), 'apply', '--dry-run=server')).toBe(
        'configmap/dry created (server dry run)\n',
      );
      expect((await lab.read('configmaps', 'dry')).code).toBe(404);
    },
    slow,
  );

  it(
    'prunes what is gone from the set',
    async () => {
      const items = ['one', 'two'].map((name) =>
        configMap(`pruned-${name}`, {}, { labels: { set: 'pruned' } }),
      );
      const list = (objects: Json[]): Json => ({ apiVersion: 'v1', kind: 'List', items: objects });
      await feed(list(items), 'apply', '--prune', '-l', 'set=pruned', '--prune-allowlist=core/v1/ConfigMap');

      const text = await feed(
        list(items.slice(0, 1)),
        'apply',
        '--prune',
        '-l',
        'set=pruned',
        '--prune-allowlist=core/v1/ConfigMap',
      );

      expect(text).toContain('configmap/pruned-two pruned');
      expect((await lab.read('configmaps', 'pruned-two')).code).toBe(404);
    },
    slow,
  );

  it(
    'tells what it refuses',
    async () => {
      const { code, stderr } = await lab.kubectl(
        ['apply', '-f', '-'],
        JSON.stringify(deployment('bad', { replicas: -1 })),
      );

      expect(code).toBe(1);
      expect(stderr).toContain('The Deployment "bad" is invalid');
    },
    slow,
  );
});

describe('kubectl diff', () => {
  it(
    'exits with 0 for no difference and 1 for one',
    async () => {
      await feed(configMap('compared', { a: '1' }), 'apply');

      const same = await lab.kubectl(['diff', '-f', '-'], JSON.stringify(configMap('compared', { a: '1' })));
      const other = await lab.kubectl(['diff', '-f', '-'], JSON.stringify(configMap('compared', { a: '2' })));

      expect([same.code, other.code]).toEqual([0, 1]);
      expect(other.stdout).toMatch(/-\s+a: "1"\n\+\s+a: "2"/);
    },
    slow,
  );

  it(
    'knows server-side apply too',
    async () => {
      await feed(configMap('compared-ssa', { a: '1' }), 'apply', '--server-side');

      const { code, stdout } = await lab.kubectl(
        ['diff', '--server-side', '-f', '-'],
        JSON.stringify(configMap('compared-ssa', { a: '2' })),
      );

      expect(code).toBe(1);
      expect(stdout).toContain('+  a: "2"');
    },
    slow,
  );
});

describe('kubectl changes', () => {
  it.each([
    ['label', ['label', 'service', 'web', 'track=stable'], 'service/web labeled\n'],
    ['annotate', ['annotate', 'service', 'web', 'note=seen'], 'service/web annotated\n'],
    [
      'create configmap',
      ['create', 'configmap', 'literal', '--from-literal=a=b'],
      'configmap/literal created\n',
    ],
    ['create secret', ['create', 'secret', 'generic', 'word', '--from-literal=a=b'], 'secret/word created\n'],
    [
      'create deployment',
      ['create', 'deployment', 'plain', `--image=${imageValue}`, '--replicas=0'],
      'deployment.apps/plain created\n',
    ],
    [
      'create job',
      ['create', 'job', 'made', `--image=${imageValue}`, '--', 'true'],
      'job.batch/made created\n',
    ],
    ['create serviceaccount', ['create', 'serviceaccount', 'robot'], 'serviceaccount/robot created\n'],
    [
      'create quota',
      [
        'create',
        'poddisruptionbudget',
        'guard',
        '--selector=app=none',
        '--min-available=1',
        '--dry-run=client',
        '-o',
        'name',
      ],
      'poddisruptionbudget.policy/guard\n',
    ],
    [
      'expose',
      ['expose', 'deployment', 'web', '--name=exposed', '--port=80', '--target-port=8080'],
      'service/exposed exposed\n',
    ],
    [
      'patch',
      ['patch', 'service', 'web', '-p', '{"metadata":{"labels":{"patched":"yes"}}}'],
      'service/web patched\n',
    ],
    [
      'patch --type=json',
      [
        'patch',
        'service',
        'web',
        '--type=json',
        '-p',
        '[{"op":"add","path":"/metadata/labels/json","value":"yes"}]',
      ],
      'service/web patched\n',
    ],
    [
      'patch --type=merge',
      ['patch', 'service', 'web', '--type=merge', '-p', '{"metadata":{"labels":{"json":null}}}'],
      'service/web patched\n',
    ],
    [
      'set image',
      ['set', 'image', 'deployment/plain', 'busybox=busybox:other'],
      'deployment.apps/plain image updated\n',
    ],
    [
      'set resources',
      ['set', 'resources', 'deployment/plain', '--limits=memory=64Mi'],
      'deployment.apps/plain resource requirements updated\n',
    ],
    [
      'label --overwrite',
      ['label', 'service', 'web', 'track=canary', '--overwrite'],
      'service/web labeled\n',
    ],
    ['delete', ['delete', 'configmap', 'literal'], 'configmap "literal" deleted\n'],
    ['delete --ignore-not-found', ['delete', 'configmap', 'literal', '--ignore-not-found'], ''],
    [
      'autoscale',
      ['autoscale', 'deployment', 'plain', '--max=3', '--dry-run=server'],
      'horizontalpodautoscaler.autoscaling/plain autoscaled (server dry run)\n',
    ],
  ])(
    '%s',
    async (_what, args, expected) => {
      const text = await ok(...args);

      expect(text.replace(/ from \S+ namespace/, '')).toBe(expected);
    },
    slow,
  );

  it(
    'replace',
    async () => {
      await lab.create('configmaps', configMap('replaced'));

      expect(await feed(configMap('replaced', { new: 'data' }), 'replace')).toBe(
        'configmap/replaced replaced\n',
      );
    },
    slow,
  );

  it(
    'create refuses what is there',
    async () => {
      const { code, stderr } = await lab.kubectl(['create', 'configmap', 'kube-root-ca.crt']);

      expect([code, stderr]).toEqual([
        1,
        'error: failed to create configmap: configmaps "kube-root-ca.crt" already exists\n',
      ]);
    },
    slow,
  );

  it(
    'scale waits for its precondition',
    async () => {
      await lab.create('deployments', deployment('sized', { replicas: 0 }));

      const wrong = await lab.kubectl([
        'scale',
        'deployment',
        'sized',
        '--current-replicas=5',
        '--replicas=1',
      ]);
      const right = await ok('scale', 'deployment', 'sized', '--current-replicas=0', '--replicas=1');

      expect(wrong.code).toBe(1);
      expect(right).toBe('deployment.apps/sized scaled\n');
    },
    slow,
  );
});

describe('kubectl rollout', () => {
  it(
    'follows, lists, takes back, pauses, resumes and restarts',
    async () => {
      await lab.create('deployments', deployment('rolled', { replicas: 1 }));
      const first = await ok('rollout', 'status', 'deployment/rolled', '--timeout=25s');
      await ok('set', 'env', 'deployment/rolled', 'VERSION=2');
      await ok('rollout', 'status', 'deployment/rolled', '--timeout=25s');
      const history = await ok('rollout', 'history', 'deployment/rolled');
      const detail = await ok('rollout', 'history', 'deployment/rolled', '--revision=2');
      const undone = await ok('rollout', 'undo', 'deployment/rolled');
      await ok('rollout', 'status', 'deployment/rolled', '--timeout=25s');
      const back = await lab.get('deployments', 'rolled');
      const paused = await ok('rollout', 'pause', 'deployment/rolled');
      const resumed = await ok('rollout', 'resume', 'deployment/rolled');
      const restarted = await ok('rollout', 'restart', 'deployment/rolled');

      expect(first).toContain('deployment "rolled" successfully rolled out\n');
      expect(history).toMatch(/REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>/);
      expect(detail).toContain('VERSION:\t2');
      expect([undone, paused, resumed, restarted]).toEqual(
        ['rolled back', 'paused', 'resumed', 'restarted'].map((what) => `deployment.apps/rolled ${what}\n`),
      );
      expect(back.spec.template.spec.containers[0].env).toBeUndefined();
    },
    60_000 * patience,
  );

  it(
    'fails at the progress deadline',
    async () => {
      const broken = deployment('stuck', { progressDeadlineSeconds: 2 });
      broken.spec.template.spec.containers[0].readinessProbe = {
        exec: { command: ['false'] },
        periodSeconds: 1,
      };
      await lab.create('deployments', broken);

      const { code, stderr } = await lab.kubectl(['rollout', 'status', 'deployment/stuck', '--timeout=15s']);

      expect([code, stderr]).toEqual([1, 'error: deployment "stuck" exceeded its progress deadline\n']);
    },
    slow,
  );

  it(
    'knows StatefulSets and DaemonSets',
    async () => {
      const spec = { selector: { matchLabels: { app: 'sets' } }, template: deployment('sets').spec.template };
      await lab.create('statefulsets', {
        kind: 'StatefulSet',
        metadata: { name: 'sets' },
        spec: { ...spec, serviceName: 'sets' },
      });

      expect(await ok('rollout', 'status', 'statefulset/sets', '--timeout=25s')).toMatch(
        /partitioned roll out complete|rolling update complete|roll out complete/,
      );
      expect(await ok('rollout', 'history', 'statefulset/sets')).toMatch(
        /REVISION\s+CHANGE-CAUSE\n1\s+<none>/,
      );
    },
    slow,
  );
});

describe('kubectl and pods', () => {
  it(
    'exec passes output and exit code',
    async () => {
      const good = await lab.kubectl([
        'exec',
        'shell',
        '-c',
        'main',
        '--',
        'sh',
        '-c',
        'echo out; echo err >&2',
      ]);
      const bad = await lab.kubectl(['exec', 'shell', '-c', 'main', '--', 'sh', '-c', 'exit 9']);

      expect(good).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
      expect(bad.code).toBe(9);
      expect(bad.stderr).toContain('command terminated with exit code 9');
    },
    slow,
  );

  it(
    'exec -i passes input to its end',
    async () => {
      const { code, stdout } = await lab.kubectl(
        ['exec', '-i', 'shell', '-c', 'main', '--', 'cat'],
        'through and through',
      );

      expect([code, stdout]).toEqual([0, 'through and through']);
    },
    slow,
  );

  it(
    'logs knows containers, prefixes and selectors',
    async () => {
      expect(await ok('logs', 'shell', '-c', 'talker')).toBe('talking\n');
      expect(await ok('logs', 'shell', '--all-containers', '--prefix')).toContain(
        '[pod/shell/talker] talking',
      );
      expect(await ok('logs', 'deployment/web', '--tail=1')).toBe('');
    },
    slow,
  );

  it(
    'logs -f ends with the pod',
    async () => {
      await lab.create('pods', pod('followed', 'echo one; sleep 1; echo two'));
      await lab.until('pods', 'followed', (object) => object.status.phase !== 'Pending', 20);

      expect(await ok('logs', '-f', 'followed')).toBe('one\ntwo\n');
    },
    slow,
  );

  it(
    'run --rm -i gives back what the pod said',
    async () => {
      const text = await ok(
        'run',
        'errand',
        `--image=${imageValue}`,
        '--restart=Never',
        '--rm',
        '-i',
        '--quiet',
        '--',
        'sh',
        '-c',
        'sleep 1; echo ran',
      );

      expect(text).toContain('ran');
    },
    slow,
  );

  it(
    'cp brings files there and back',
    async () => {
      const [here, back] = [join(folder, 'here.txt'), join(folder, 'back.txt')];
      await writeFile(here, 'carried over');

      await ok('cp', here, `shell:/tmp/there-${lab.namespace}.txt`, '-c', 'main');
      await ok('cp', `shell:/tmp/there-${lab.namespace}.txt`, back, '-c', 'main');

      expect(await readFile(back, 'utf8')).toBe('carried over');
    },
    slow,
  );

  it(
    'wait sees conditions, jsonpaths and deletions',
    async () => {
      await lab.create('jobs', job('waited', 'true'));
      const complete = await ok('wait', '--for=condition=complete', 'job/waited', '--timeout=20s');
      const ready = await ok('wait', '--for=jsonpath={.status.phase}=Running', 'pod/shell', '--timeout=5s');
      await lab.create('configmaps', configMap('short'));
      const gone = lab.kubectl(['wait', '--for=delete', 'configmap/short', '--timeout=10s']);
      await lab.remove('configmaps', 'short');

      expect(complete).toBe('job.batch/waited condition met\n');
      expect(ready).toBe('pod/shell condition met\n');
      expect((await gone).code).toBe(0);
    },
    slow,
  );

  it(
    'wait times out with an error',
    async () => {
      const { code, stderr } = await lab.kubectl([
        'wait',
        '--for=condition=Never',
        'pod/shell',
        '--timeout=1s',
      ]);

      expect([code, stderr]).toEqual([1, 'error: timed out waiting for the condition on pods/shell\n']);
    },
    slow,
  );

  it(
    'get --watch shows what happens',
    async () => {
      const watching = lab.kubectl([
        'get',
        'configmaps',
        '--watch-only',
        '--request-timeout=4s',
        '--no-headers',
      ]);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await lab.create('configmaps', configMap('watched'));

      expect((await watching).stdout).toMatch(/^watched\s+1\s+/m);
    },
    slow,
  );

  it(
    'delete waits until the pod is gone',
    async () => {
      await lab.create('pods', pod('dropped', idle, { nodeSelector: { no: 'where' } }));

      expect(await ok('delete', 'pod', 'dropped')).toMatch(/^pod "dropped" deleted/);
      expect((await lab.read('pods', 'dropped')).code).toBe(404);
    },
    slow,
  );
});

describe('kubectl about the cluster', () => {
  it(
    'api-resources and api-versions',
    async () => {
      const resources = await ok('api-resources');

      expect(resources).toMatch(/^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m);
      expect(resources).toMatch(/^namespaces\s+ns\s+v1\s+false\s+Namespace$/m);
      expect((await ok('api-versions')).split('\n')).toEqual(
        expect.arrayContaining(['v1', 'apps/v1', 'batch/v1']),
      );
    },
    slow,
  );

  it(
    'explain',
    async () => {
      const text = await ok('explain', 'deployment.spec.replicas');

      expect(text).toMatch(/FIELD:\s+replicas <integer>/);
    },
    slow,
  );

  it(
    'version and cluster-info',
    async () => {
      expect(await ok('version')).toMatch(/Server Version: v1\.\d+/);
      expect(await ok('cluster-info')).toContain('is running at');
    },
    slow,
  );

  it(
    'events of an object',
    async () => {
      const text = await ok(
        'get',
        'events',
        '--field-selector',
        'involvedObject.name=shell',
        '--sort-by=.lastTimestamp',
      );

      expect(text).toMatch(/^LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE\n/);
      // Current releases name no container: "Container started".
      expect(text).toMatch(/Normal\s+Started\s+pod\/shell\s+(Started container main|Container started)/);
    },
    slow,
  );

  it(
    'auth can-i',
    async () => {
      expect(await ok('auth', 'can-i', 'create', 'pods')).toBe('yes\n');
    },
    slow,
  );
});
