import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, Pod } from '../../src/sandbox/kubelet/pod-types.ts';
import type { SandboxNode } from '../support/sandbox-node.ts';
import { startSandboxNode } from '../support/sandbox-node.ts';

const shell = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'busybox:1',
  command: ['sh', '-c', script],
  ...more,
});
/** Runs until TERM, as a well-behaved server does. */
const idle = 'trap "exit 0" TERM; while :; do sleep 0.1; done';
const isRunning = (pod: Pod) => pod.status?.phase === 'Running';
const isReady = (pod: Pod) =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
const hasEnded = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const first = (pod: Pod) => pod.status?.containerStatuses?.[0];

describe.each(['auto', 'none'] as const)('pods as processes (isolation %s)', (isolation) => {
  let node: SandboxNode;
  beforeAll(async () => {
    node = await startSandboxNode(isolation);
  });
  afterAll(async () => {
    await node.close();
  });

  it('runs containers that share their volumes, with environment, logs and exit codes', async () => {
    node.createPod('pair', {
      restartPolicy: 'Never',
      volumes: [{ name: 'shared', emptyDir: {} }],
      containers: [
        shell('echo "hello $NAME"; echo there > /shared/said; exit 3', {
          env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        }),
        shell('until [ -s /shared/said ]; do sleep 0.05; done; cat /shared/said', {
          name: 'reader',
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        }),
      ],
    });

    const pod = await node.until('pair', hasEnded);

    expect(pod.status?.phase).toBe('Failed');
    expect(first(pod)?.state.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(pod.status?.containerStatuses?.[1]?.state.terminated).toMatchObject({
      exitCode: 0,
      reason: 'Completed',
    });
    expect(await node.log('pair')).toBe('hello pair\n');
    expect(await node.log('pair', { container: 'reader' })).toBe('there\n');
    expect(node.events('ImageStandIn').join()).toContain('busybox:1');
  });

  it('serves as an agent: scripts in a shared scratch folder, commands in the workspace, nothing left at the end', async () => {
    const mounts = [
      { name: 'workspace', mountPath: '/workspace' },
      { name: 'scratch', mountPath: '/slipway' },
    ];
    node.createPod('agent', {
      restartPolicy: 'Never',
      volumes: [
        { name: 'workspace', emptyDir: {} },
        { name: 'scratch', emptyDir: {} },
      ],
      containers: ['node', 'tools'].map((name) =>
        shell(idle, {
          name,
          image: `${name}:24`,
          workingDir: '/workspace',
          volumeMounts: mounts,
          env: [{ name: 'WORK', value: '/workspace/src' }],
        }),
      ),
    });
    await node.until('agent', isRunning);

    await node.run(
      'agent',
      'echo "echo step in $(basename $PWD); node -p 40+2" > /slipway/step.sh; mkdir -p $WORK',
      'node',
    );
    const step = await node.run('agent', '/bin/sh /slipway/step.sh; cd "$WORK" && echo made > file', 'node');
    const other = await node.run('agent', 'cat /workspace/src/file; exit 7', 'tools');
    // A step is started detached, in a session of its own, and must end with its pod all the same.
    const seconds = String(randomInt(1_000_000, 2_000_000)); // no other run of this test on the machine has it
    await node.run('agent', `(setsid sleep ${seconds} >/dev/null 2>&1 &) ; :`, 'tools');

    expect(step.exitCode).toBe(0);
    expect(step.output).toMatch(/step in \w+\n42\n/);
    expect(other).toEqual({ exitCode: 7, output: 'made\n' });
    for (let tries = 0; tries < 200 && processesWith(`sleep\0${seconds}`) === 0; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(processesWith(`sleep\0${seconds}`)).toBe(1);
    node.objects.delete({ kind: 'Pod', namespace: 'default', name: 'agent' }, { gracePeriodSeconds: 5 });
    await node.untilGone('agent');
    expect(processesWith(`sleep\0${seconds}`)).toBe(0);
  });

  it('runs init containers in order, then sidecars beside the main ones, which end the pod', async () => {
    node.createPod('ordered', {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [
        shell('echo one >> /v/order', { name: 'one', volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
        shell(`echo side >> /v/order; ${idle}`, {
          name: 'side',
          restartPolicy: 'Always',
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
      ],
      containers: [shell('sleep 0.3; cat /v/order', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    });

    const pod = await node.until('ordered', hasEnded);

    expect(pod.status?.phase).toBe('Succeeded');
    expect(await node.log('ordered')).toBe('one\nside\n');
    expect(pod.status?.initContainerStatuses?.[1]).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 0 } },
    });
  });

  it('mounts ConfigMaps and Secrets as files, by items and modes, and brings them up to date', async () => {
    node.objects.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'conf', namespace: 'default' },
      data: { a: 'one', b: 'two' },
    });
    node.objects.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login', namespace: 'default' },
      data: { token: Buffer.from('s3cret').toString('base64') },
    });
    node.createPod('files', {
      volumes: [
        { name: 'conf', configMap: { name: 'conf', items: [{ key: 'a', path: 'deep/a.txt', mode: 0o400 }] } },
        { name: 'login', secret: { secretName: 'login', defaultMode: 0o440 } },
        {
          name: 'self',
          downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] },
        },
        { name: 'maybe', configMap: { name: 'none', optional: true } },
        { name: 'whole', configMap: { name: 'conf' } },
      ],
      containers: [
        shell(idle, {
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/conf-of-test' },
            { name: 'login', mountPath: '/login', readOnly: true },
            { name: 'self', mountPath: '/self' },
            { name: 'maybe', mountPath: '/maybe' },
            { name: 'whole', mountPath: '/whole' },
          ],
        }),
      ],
    });
    await node.until('files', isRunning);
    const read = () =>
      node.run(
        'files',
        'cat /etc/conf-of-test/deep/a.txt /login/token /self/name; ls /maybe; stat -c %a /login/token; echo $(ls /whole)',
      );

    const before = await read();
    node.objects.modify(
      { kind: 'ConfigMap', namespace: 'default', name: 'conf' },
      (map) => void Object.assign(map, { data: { a: 'new', c: 'two' } }),
    );
    let after = await read();
    for (let tries = 0; tries < 50 && !/^new[^]*c\n$/.test(after.output); tries += 1) after = await read();

    expect(before).toEqual({ exitCode: 0, output: 'ones3cretfiles440\na b\n' });
    expect(after.output).toBe('news3cretfiles440\na c\n');
  });

  it('starts a crashing container again, tells the back-off, and keeps the previous log', async () => {
    node.createPod('crash', { containers: [shell('echo run $(date +%N); exit 1')] });

    const pod = await node.until('crash', (one) => first(one)?.state.waiting?.reason === 'CrashLoopBackOff');

    expect(first(pod)).toMatchObject({
      restartCount: 1,
      ready: false,
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
    expect(first(pod)?.state.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=main pod=crash_default\(.+\)$/,
    );
    const [now, before] = [await node.log('crash'), await node.log('crash', { previous: true })];
    expect(now).toMatch(/^run \d+\n$/);
    expect(before).toMatch(/^run \d+\n$/);
    expect(now).not.toBe(before);
    expect(node.events('BackOff').length).toBeGreaterThan(0);
  });

  it('fails to pull what is plainly not there, and says that it waits', async () => {
    node.createPod('nopull', { containers: [shell(idle, { image: 'missing.invalid/web:1' })] });

    await node.until('nopull', (one) => first(one)?.state.waiting?.reason === 'ErrImagePull');
    const pod = await node.until('nopull', (one) => first(one)?.state.waiting?.reason === 'ImagePullBackOff');

    expect(pod.status?.phase).toBe('Pending');
    expect(node.events('Failed')).toContain('Error: ImagePullBackOff');
    await expect(node.log('nopull')).rejects.toThrow('is waiting to start: trying and failing to pull image');
  });

  it('waits for a missing configuration and goes on when it is there', async () => {
    node.createPod('waits', {
      restartPolicy: 'Never',
      containers: [
        shell('echo $LATE', {
          env: [{ name: 'LATE', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } }],
        }),
      ],
    });
    await node.until('waits', (one) => first(one)?.state.waiting?.reason === 'CreateContainerConfigError');

    node.objects.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: 'default' },
      data: { a: 'come' },
    });
    await node.until('waits', hasEnded);

    expect(await node.log('waits')).toBe('come\n');
  });

  it('says so when a command cannot be started', async () => {
    node.createPod('nocommand', {
      restartPolicy: 'Never',
      containers: [shell('', { command: ['no-such-command'] })],
    });

    const pod = await node.until('nocommand', hasEnded);

    expect(first(pod)?.state.terminated).toMatchObject({ exitCode: 128, reason: 'StartError' });
    expect(first(pod)?.state.terminated?.message).toContain(
      '"no-such-command": executable file not found in $PATH',
    );
  });

  it('ends a pod by preStop and TERM, and by KILL when the grace period is over', async () => {
    const file = join(node.folder, `stopped-${isolation}`);
    node.createPod('polite', {
      terminationGracePeriodSeconds: 10,
      volumes: [{ name: 'out', hostPath: { path: node.folder } }],
      containers: [
        shell(
          `trap 'echo term >> /out/stopped-${isolation}; exit 0' TERM; echo up; while :; do sleep 0.05; done`,
          {
            volumeMounts: [{ name: 'out', mountPath: '/out' }],
            lifecycle: {
              preStop: { exec: { command: ['sh', '-c', `echo hook >> /out/stopped-${isolation}`] } },
            },
          },
        ),
      ],
    });
    node.createPod('stubborn', { containers: [shell('trap "" TERM; while :; do sleep 0.05; done')] });
    await node.until('polite', isRunning);
    await node.until('stubborn', isRunning);
    while (!(await node.log('polite')).includes('up'))
      await new Promise((resolve) => setTimeout(resolve, 20));

    const startedAt = Date.now();
    node.objects.delete({ kind: 'Pod', namespace: 'default', name: 'polite' });
    node.objects.delete({ kind: 'Pod', namespace: 'default', name: 'stubborn' }, { gracePeriodSeconds: 1 });
    await node.untilGone('polite');
    await node.untilGone('stubborn');

    expect(readFileSync(file, 'utf8')).toBe('hook\nterm\n');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(900);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
  });

  it('restarts a container whose liveness probe fails', async () => {
    node.createPod('sick', {
      containers: [
        shell(idle, {
          livenessProbe: {
            exec: { command: ['sh', '-c', 'echo unwell; exit 1'] },
            periodSeconds: 1,
            failureThreshold: 1,
          },
        }),
      ],
    });

    await node.until('sick', (one) => (first(one)?.restartCount ?? 0) > 0 && isRunning(one));

    expect(node.events('Unhealthy')).toContain('Liveness probe failed: unwell\n');
    expect(node.events('Killing')).toContain('Container main failed liveness probe, will be restarted');
  });

  it('is ready only while its readiness probe says so', async () => {
    node.createPod('moody', {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        shell(idle, {
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          readinessProbe: {
            exec: { command: ['sh', '-c', 'test -e /v/ready'] },
            periodSeconds: 1,
            failureThreshold: 1,
          },
        }),
      ],
    });
    const pod = await node.until('moody', isRunning);
    expect(isReady(pod)).toBe(false);

    await node.run('moody', 'touch /v/ready');
    await node.until('moody', isReady);
    await node.run('moody', 'rm /v/ready');
    await node.until('moody', (one) => !isReady(one));
  });

  it('fails a pod at its deadline', async () => {
    node.createPod('late', { restartPolicy: 'Never', activeDeadlineSeconds: 1, containers: [shell(idle)] });

    const pod = await node.until('late', hasEnded);

    expect(pod.status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('leaves a pod pending that asks for more than the machine has', async () => {
    node.createPod('huge', { containers: [shell(idle, { resources: { requests: { cpu: '4000' } } })] });

    const pod = await node.until('huge', (one) => one.status?.conditions?.[0]?.reason === 'Unschedulable');

    expect(pod.status?.phase).toBe('Pending');
    expect(node.events('FailedScheduling')).toContain('0/1 nodes are available: 1 Insufficient cpu.');
  });

  it('kills a container that uses more memory than its limit', async () => {
    const grow = 'const a = []; setInterval(() => a.push(Buffer.alloc(20e6, 1)), 20)';
    node.createPod('fat', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: 'node:24',
          command: ['node', '-e', grow],
          resources: { limits: { memory: '200Mi' } },
        },
      ],
    });

    const pod = await node.until('fat', hasEnded);

    expect(first(pod)?.state.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('keeps the files of a claim from pod to pod', async () => {
    node.objects.create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const spec = (script: string): Partial<Pod['spec']> => ({
      restartPolicy: 'Never',
      volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }],
      containers: [shell(script, { volumeMounts: [{ name: 'd', mountPath: '/data', subPath: 'sub' }] })],
    });
    node.createPod('writer', spec('echo kept > /data/file'));
    await node.until('writer', hasEnded);

    node.createPod('second', spec('cat /data/file'));
    await node.until('second', hasEnded);

    expect(await node.log('second')).toBe('kept\n');
  });

  it('takes its message from the termination log, or from the log when the container failed', async () => {
    node.createPod('says', {
      restartPolicy: 'Never',
      containers: [
        shell('echo "last words" > /dev/termination-log; exit 1'),
        shell('echo from the log; exit 1', {
          name: 'logs',
          terminationMessagePolicy: 'FallbackToLogsOnError',
        }),
      ],
    });

    const pod = await node.until('says', hasEnded);

    const messages = pod.status?.containerStatuses?.map(({ state }) => state.terminated?.message);
    expect(messages).toEqual(['last words\n', 'from the log\n']);
  });
});

describe.each(['auto', 'none'] as const)('a sandbox that is started again (isolation %s)', (isolation) => {
  it('ends what an earlier one left and starts its pods anew', async () => {
    const before = await startSandboxNode(isolation);
    before.createPod('lasting', { containers: [shell(idle)] });
    before.createPod('once', { restartPolicy: 'Never', containers: [shell(idle)] });
    await before.until('lasting', isRunning);
    await before.until('once', isRunning);
    // As after a crash: the store says that the pods run.
    const statuses = ['lasting', 'once'].map((name) => before.pod(name)?.status);
    await before.close('keep');

    const after = await startSandboxNode(isolation, { folder: before.folder });
    try {
      const lasting = await after.until('lasting', (pod) => isRunning(pod) && first(pod)?.restartCount === 1);
      const once = await after.until('once', hasEnded);

      expect(statuses.map((status) => status?.phase)).toEqual(['Running', 'Running']);
      expect(first(lasting)?.lastState.terminated).toBeDefined();
      expect(once.status?.phase).toBe('Failed');
    } finally {
      await after.close();
    }
  });
});

it('refuses what the registry does not have when images are strict', async () => {
  const node = await startSandboxNode('none', { strictImages: true });
  try {
    node.createPod('strict', { containers: [shell(idle)] });

    const pod = await node.until('strict', (one) => first(one)?.state.waiting?.reason === 'ErrImagePull');

    expect(first(pod)?.state.waiting?.message).toContain('manifest unknown');
  } finally {
    await node.close();
  }
});

/** How many processes have this in their command line, its words ended by NUL. */
function processesWith(words: string): number {
  if (!existsSync('/proc')) return 0;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `${words}\0`;
    } catch {
      return false;
    }
  }).length;
}
