import { describe, expect, it } from '@jest/globals';
import { eventLagMs, patience, useLab } from './lab.ts';
import { condition, configMap, container, idle, pod } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('pods');
const ended = (object: Json): boolean => ['Succeeded', 'Failed'].includes(object?.status?.phase);
const running = (object: Json): boolean =>
  object?.status?.phase === 'Running' && condition(object, 'Ready')?.status === 'True';
const stateOf = (object: Json, index = 0): Json => object.status?.containerStatuses?.[index]?.state ?? {};

/** Runs a pod to its end and gives it back with its log. */
async function run(object: Json): Promise<{ pod: Json; log: string }> {
  await lab.create('pods', object);
  const done = await lab.until('pods', object.metadata.name, ended, 20);
  return { pod: done, log: await logOf(object.metadata.name) };
}

async function logOf(name: string, query: Record<string, string> = {}): Promise<string> {
  return (await lab.wire.request('GET', await lab.url('pods', name, 'log'), { query })).text;
}

describe('how a pod ends', () => {
  it.each([
    ['zero', 'exit 0', 'Succeeded', 0, 'Completed'],
    ['three', 'exit 3', 'Failed', 3, 'Error'],
    ['killed', `sh -c 'kill -9 $$$$'; exit $?`, 'Failed', 137, 'Error'],
    ['not-found', 'no-such-command', 'Failed', 127, 'Error'],
  ])('%s: `%s` is %s with code %d, %s', async (name, script, phase, exitCode, reason) => {
    const { pod: done } = await run(pod(`ends-${name}`, script));

    expect(done.status.phase).toBe(phase);
    expect(stateOf(done).terminated).toMatchObject({ exitCode, reason });
    expect(stateOf(done).terminated.startedAt).toBeDefined();
    expect(stateOf(done).terminated.finishedAt).toBeDefined();
  });

  it('is Succeeded only when every container is', async () => {
    const containers = [container('exit 0'), container('exit 4', { name: 'other' })];

    const { pod: done } = await run(pod('ends-mixed', '', { containers }));

    expect(done.status.phase).toBe('Failed');
    expect(done.status.containerStatuses.map((entry: Json) => entry.state.terminated.exitCode)).toEqual([
      0, 4,
    ]);
  });

  it('cannot start what is not there', async () => {
    await lab.create(
      'pods',
      pod('ends-missing', '', { containers: [container('', { command: ['/no/such/program'] })] }),
    );

    const failed = await lab.until(
      'pods',
      'ends-missing',
      (object) =>
        stateOf(object).terminated !== undefined || stateOf(object).waiting?.reason === 'RunContainerError',
      20,
    );

    // Docker says ContainerCannotRun and 127, containerd StartError and 128.
    const { reason, exitCode } = stateOf(failed).terminated ?? { ...stateOf(failed).waiting, exitCode: 127 };
    expect(['ContainerCannotRun', 'RunContainerError', 'StartError']).toContain(reason);
    expect([127, 128]).toContain(exitCode);
  });

  it('leaves a message that the container wrote', async () => {
    const { pod: done } = await run(
      pod('ends-message', 'printf "all is lost" > /dev/termination-log; exit 1'),
    );

    expect(stateOf(done).terminated.message).toBe('all is lost');
  });

  it('leaves the end of the log as the message when asked to', async () => {
    const containers = [
      container('echo last words; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
    ];

    const { pod: done } = await run(pod('ends-log', '', { containers }));

    expect(stateOf(done).terminated.message).toBe('last words\n');
  });

  it(
    'is Failed with DeadlineExceeded after its active deadline',
    async () => {
      await lab.create('pods', pod('ends-deadline', idle, { activeDeadlineSeconds: 1 }));

      const done = await lab.until('pods', 'ends-deadline', ended, 20);

      expect(done.status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
      expect(done.status.message).toMatch(/active on the node longer than (the )?specified deadline/);
    },
    45_000 * patience,
  );
});

describe('while a pod runs', () => {
  it('it has an address, a node, conditions and a ready container', async () => {
    await lab.create('pods', pod('runs', idle));

    const object = await lab.until('pods', 'runs', running, 20);

    expect(object.status.podIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(object.status.hostIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(object.status.startTime).toBeDefined();
    expect(object.spec.nodeName).not.toBe('');
    expect(object.status.conditions.map((entry: Json) => entry.type)).toEqual(
      expect.arrayContaining(['Initialized', 'Ready', 'ContainersReady', 'PodScheduled']),
    );
    expect(object.status.containerStatuses[0]).toMatchObject({
      name: 'main',
      ready: true,
      started: true,
      restartCount: 0,
      // Docker names an image by any of its tags.
      image: expect.stringMatching(/./),
    });
    expect(object.status.containerStatuses[0].containerID).toMatch(/:\/\//);
    expect(stateOf(object).running.startedAt).toBeDefined();
  });

  it('events tell how it came to be', async () => {
    await lab.create('pods', pod('told', idle));
    await lab.until('pods', 'told', running, 20);

    const events = await lab.untilList('events', { fieldSelector: 'involvedObject.name=told' }, (items) =>
      items.some(({ reason }) => reason === 'Started'),
    );

    expect(events.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['Scheduled', 'Created', 'Started']),
    );
    // Current releases name no container: "Container started".
    expect(events.find(({ reason }) => reason === 'Started')?.message).toMatch(
      /^(Started container main|Container started)$/,
    );
  });

  it('two containers have one network', async () => {
    const containers = [
      container('hostname > /shared/one; sleep 3', {
        volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
      }),
      container(
        'while ! test -s /shared/one; do sleep 0.1; done; test "$(hostname)" = "$(cat /shared/one)"',
        { name: 'two', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] },
      ),
    ];

    const { pod: done } = await run(
      pod('two', '', { containers, volumes: [{ name: 'shared', emptyDir: {} }] }),
    );

    expect(done.status.phase).toBe('Succeeded');
  });

  it('waits for a node that is not there as Pending, Unschedulable', async () => {
    await lab.create('pods', pod('nowhere', idle, { nodeSelector: { 'example.com/nowhere': 'true' } }));

    const object = await lab.until(
      'pods',
      'nowhere',
      (entry) => condition(entry, 'PodScheduled') !== undefined,
    );

    expect(object.status.phase).toBe('Pending');
    expect(condition(object, 'PodScheduled')).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(condition(object, 'PodScheduled').message).toMatch(/0\/1 nodes are available/);
    const events = await lab.untilList(
      'events',
      { fieldSelector: 'involvedObject.name=nowhere' },
      (items) => items.length > 0,
    );
    expect(events[0]).toMatchObject({ reason: 'FailedScheduling', type: 'Warning' });
  });

  it('asks for more than there is and stays Pending', async () => {
    await lab.create(
      'pods',
      pod('greedy', '', { containers: [container(idle, { resources: { requests: { memory: '900Ti' } } })] }),
    );

    const object = await lab.until(
      'pods',
      'greedy',
      (entry) => condition(entry, 'PodScheduled') !== undefined,
    );

    expect(condition(object, 'PodScheduled')).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(condition(object, 'PodScheduled').message).toContain('Insufficient memory');
  });
});

describe('restarts', () => {
  it('OnFailure starts a failed container again and counts', async () => {
    const script = 'if test -e /state/second; then exit 0; fi; touch /state/second; exit 1';
    const containers = [container(script, { volumeMounts: [{ name: 'state', mountPath: '/state' }] })];

    const { pod: done } = await run(
      pod('again', '', {
        restartPolicy: 'OnFailure',
        containers,
        volumes: [{ name: 'state', emptyDir: {} }],
      }),
    );

    expect(done.status.phase).toBe('Succeeded');
    expect(done.status.containerStatuses[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
  });

  it('OnFailure leaves a container that ended well', async () => {
    const { pod: done } = await run(pod('once', 'exit 0', { restartPolicy: 'OnFailure' }));

    expect(done.status.containerStatuses[0].restartCount).toBe(0);
  });

  it(
    'Always starts it again even then, and backs off: CrashLoopBackOff',
    async () => {
      await lab.create('pods', pod('loop', 'exit 0', { restartPolicy: 'Always' }));

      const object = await lab.until(
        'pods',
        'loop',
        (entry) => stateOf(entry).waiting?.reason === 'CrashLoopBackOff',
        20,
      );

      expect(stateOf(object).waiting.message).toContain('back-off');
      expect(object.status.phase).toBe('Running');
      expect(object.status.containerStatuses[0].lastState.terminated.reason).toBe('Completed');
      const events = await lab.untilList('events', { fieldSelector: 'involvedObject.name=loop' }, (items) =>
        items.some(({ reason }) => reason === 'BackOff'),
      );
      expect(events.find(({ reason }) => reason === 'BackOff')?.message).toMatch(
        /Back-off restarting failed container/,
      );
    },
    45_000 * patience + eventLagMs,
  );

  it('Never leaves it', async () => {
    const { pod: done } = await run(pod('never', 'exit 1'));

    expect(done.status.containerStatuses[0]).toMatchObject({ restartCount: 0, ready: false });
  });
});

describe('init containers', () => {
  const init = (name: string, script: string): Json =>
    container(script, { name, volumeMounts: [{ name: 'out', mountPath: '/out' }] });
  const volumes = [{ name: 'out', emptyDir: {} }];

  it('run one after the other before the others start', async () => {
    const initContainers = [
      init('one', 'sleep 0.3; echo one >> /out/order'),
      init('two', 'echo two >> /out/order'),
    ];
    const containers = [init('main', 'echo main >> /out/order; cat /out/order')];

    const { pod: done, log } = await run(pod('inits', '', { initContainers, containers, volumes }));

    expect(log).toBe('one\ntwo\nmain\n');
    expect(done.status.initContainerStatuses.map((entry: Json) => entry.state.terminated.reason)).toEqual([
      'Completed',
      'Completed',
    ]);
    expect(condition(done, 'Initialized').status).toBe('True');
  });

  it('fail the pod when one fails and nothing is to be restarted', async () => {
    const { pod: done } = await run(
      pod('init-fails', 'echo never', { initContainers: [init('bad', 'exit 7')], volumes }),
    );

    expect(done.status.phase).toBe('Failed');
    expect(done.status.initContainerStatuses[0].state.terminated.exitCode).toBe(7);
    expect(stateOf(done).waiting?.reason).toBe('PodInitializing');
  });
});

describe('environment', () => {
  const echo = async (name: string, script: string, more: Json, spec: Json = {}): Promise<string> =>
    (
      await run(
        pod(
          name,
          '',
          { containers: [container(script, more)], ...spec },
          { labels: { app: 'env' }, annotations: { note: 'seen' } },
        ),
      )
    ).log;

  it('has values, and references to values before it', async () => {
    const env = [
      { name: 'A', value: 'one' },
      { name: 'B', value: '$(A)-two' },
      { name: 'C', value: '$$(A)' },
      { name: 'D', value: '$(LATER)' },
    ];

    expect(await echo('env-plain', 'echo "$A $B $C $D"', { env })).toBe('one one-two $(A) $(LATER)\n');
  });

  it('comes as it is: quotes, blanks, line ends, and names that shells hold for their own', async () => {
    const value = `it's "one" \\ $HOME \`two\`\n three `;
    const env = [
      { name: 'VALUE', value },
      { name: 'UID', value: '1234' },
      { name: 'IFS', value: 'o' },
      { name: 'EMPTY', value: '' },
    ];

    const log = await echo('env-as-is', `printf '%s|' "$VALUE" "$UID" "\${EMPTY-unset}"`, { env });

    expect(log).toBe(`${value}|1234||`);
  });

  it('comes from the pod itself', async () => {
    const field = (name: string, fieldPath: string): Json => ({
      name,
      valueFrom: { fieldRef: { fieldPath } },
    });
    const env = [
      field('NAME', 'metadata.name'),
      field('SPACE', 'metadata.namespace'),
      field('LABEL', "metadata.labels['app']"),
      field('NOTE', "metadata.annotations['note']"),
      field('IP', 'status.podIP'),
      field('NODE', 'spec.nodeName'),
      field('ACCOUNT', 'spec.serviceAccountName'),
    ];

    const log = await echo('env-fields', 'echo "$NAME $SPACE $LABEL $NOTE $IP $NODE $ACCOUNT"', { env });

    const [name, space, label, note, ip, node, account] = log.trim().split(' ');
    expect([name, space, label, note, account]).toEqual([
      'env-fields',
      lab.namespace,
      'env',
      'seen',
      'default',
    ]);
    expect(ip).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(node).toMatch(/./);
  });

  it('comes from the resources', async () => {
    const env = [
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'requests.memory' } } },
    ];

    expect(
      await echo('env-resources', 'echo "$CPU $MEMORY"', {
        env,
        resources: { limits: { cpu: '250m' }, requests: { memory: '16Mi' } },
      }),
    ).toBe('250 16777216\n');
  });

  it('comes from ConfigMaps and Secrets, one key or all', async () => {
    await lab.create('configmaps', configMap('env', { one: '1', two: '2' }));
    await lab.create('secrets', {
      kind: 'Secret',
      metadata: { name: 'env' },
      stringData: { word: 'open sesame' },
    });
    const env = [
      { name: 'ONE', valueFrom: { configMapKeyRef: { name: 'env', key: 'one' } } },
      { name: 'WORD', valueFrom: { secretKeyRef: { name: 'env', key: 'word' } } },
      { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'env', key: 'missing', optional: true } } },
    ];
    const envFrom = [
      { prefix: 'MAP_', configMapRef: { name: 'env' } },
      { secretRef: { name: 'nobody', optional: true } },
    ];

    expect(await echo('env-from', 'echo "$ONE $WORD ${NONE-unset} $MAP_two"', { env, envFrom })).toBe(
      '1 open sesame unset 2\n',
    );
  });

  it(
    'waits with CreateContainerConfigError for a ConfigMap that is missing, and goes on when it comes',
    async () => {
      const env = [{ name: 'LATE', valueFrom: { configMapKeyRef: { name: 'late', key: 'key' } } }];
      await lab.create('pods', pod('env-late', '', { containers: [container('echo $LATE', { env })] }));

      const object = await lab.until(
        'pods',
        'env-late',
        (entry) => stateOf(entry).waiting?.reason === 'CreateContainerConfigError',
        20,
      );

      expect(stateOf(object).waiting.message).toBe('configmap "late" not found');
      await lab.create('configmaps', configMap('late', { key: 'here' }));
      await lab.until('pods', 'env-late', ended, 25);
      expect(await logOf('env-late')).toBe('here\n');
    },
    40_000 * patience,
  );

  it('is put into commands and arguments', async () => {
    const more = {
      command: ['sh', '-c', 'echo "$0 $1"', '$(A)'],
      args: ['$$(A)'],
      env: [{ name: 'A', value: 'x' }],
    };

    expect(await echo('env-args', '', more)).toBe('x $(A)\n');
  });

  it('begins in the working folder', async () => {
    expect(await echo('workdir', 'pwd', { workingDir: '/tmp' })).toBe('/tmp\n');
  });

  it('names the Services of the namespace', async () => {
    await lab.create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop-api' },
      spec: { ports: [{ port: 81 }] },
    });
    const { spec } = await lab.get('services', 'shop-api');
    // The kubelet of a real cluster learns of Services through a cache.
    await new Promise((resolve) => setTimeout(resolve, 1000));

    expect(await echo('env-services', 'echo "$SHOP_API_SERVICE_HOST:$SHOP_API_SERVICE_PORT"', {})).toBe(
      `${spec.clusterIP}:81\n`,
    );
  });

  it("has the pod's name as its host name", async () => {
    expect(await echo('env-host', 'echo $HOSTNAME', {})).toBe('env-host\n');
  });
});

describe('volumes', () => {
  const mount = (mountPath: string, more: Json = {}): Json => ({ name: 'v', mountPath, ...more });
  const show = async (
    name: string,
    script: string,
    volume: Json,
    mounts: Json[] = [mount('/v')],
  ): Promise<string> =>
    (
      await run(
        pod(
          name,
          '',
          { containers: [container(script, { volumeMounts: mounts })], volumes: [{ name: 'v', ...volume }] },
          { labels: { app: 'vol' } },
        ),
      )
    ).log;

  it('emptyDir is empty and writable', async () => {
    expect(await show('vol-empty', 'ls -A /v | wc -l; echo x > /v/f && cat /v/f', { emptyDir: {} })).toMatch(
      /^\s*0\nx\n$/,
    );
  });

  it('a ConfigMap is a file a key', async () => {
    await lab.create('configmaps', configMap('files', { 'a.txt': 'alpha', 'b.txt': 'beta' }));

    expect(await show('vol-map', 'cat /v/a.txt /v/b.txt', { configMap: { name: 'files' } })).toBe(
      'alphabeta',
    );
  });

  it('a ConfigMap gives chosen keys under other names with their modes', async () => {
    await lab.create('configmaps', configMap('chosen', { a: 'alpha', b: 'beta' }));
    const items = [{ key: 'a', path: 'deep/er', mode: 0o400 }];

    expect(
      await show('vol-items', 'cat /v/deep/er; ls /v | wc -l; stat -L -c %a /v/deep/er', {
        configMap: { name: 'chosen', items },
      }),
    ).toMatch(/^alpha\s*1\n400\n$/);
  });

  it('a Secret is files too', async () => {
    await lab.create('secrets', {
      kind: 'Secret',
      metadata: { name: 'files' },
      stringData: { password: 'open' },
    });

    expect(await show('vol-secret', 'cat /v/password', { secret: { secretName: 'files' } })).toBe('open');
  });

  it('the downward API gives labels and names', async () => {
    const items = [
      { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
    ];

    expect(await show('vol-down', 'cat /v/labels; echo; cat /v/name', { downwardAPI: { items } })).toBe(
      'app="vol"\nvol-down',
    );
  });

  it('projected puts several together', async () => {
    await lab.create('configmaps', configMap('part', { map: 'from-map' }));
    const sources = [
      { configMap: { name: 'part' } },
      { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    ];

    expect(await show('vol-proj', 'cat /v/map; echo; cat /v/name', { projected: { sources } })).toBe(
      'from-map\nvol-proj',
    );
  });

  it('subPath mounts one file of it', async () => {
    await lab.create('configmaps', configMap('sub', { one: 'only this', two: 'not this' }));

    expect(
      await show('vol-sub', 'cat /tmp/only', { configMap: { name: 'sub' } }, [
        mount('/tmp/only', { subPath: 'one' }),
      ]),
    ).toBe('only this');
  });

  it('hostPath is a folder of the node', async () => {
    expect(
      await show('vol-host', 'test -d /v && ls /v | head -1 | wc -l', { hostPath: { path: '/usr' } }),
    ).toMatch(/^\s*1\n$/);
  });

  it(
    'a bound claim is a folder that outlives its pods',
    async () => {
      const name = `${lab.namespace}-kept`;
      const shared = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
      // A cluster without a storage class binds to a volume that is made by hand.
      const volume = {
        capacity: { storage: '1Mi' },
        hostPath: { path: `/tmp/${name}`, type: 'DirectoryOrCreate' },
        ...shared,
      };
      await lab.wire.request('POST', '/api/v1/persistentvolumes', {
        body: {
          apiVersion: 'v1',
          kind: 'PersistentVolume',
          metadata: { name },
          spec: { ...volume, persistentVolumeReclaimPolicy: 'Retain' },
        },
      });
      try {
        const claim = { resources: { requests: { storage: '1Mi' } }, volumeName: name, ...shared };
        await lab.create('persistentvolumeclaims', {
          kind: 'PersistentVolumeClaim',
          metadata: { name: 'kept' },
          spec: claim,
        });
        const bound = await lab.until(
          'persistentvolumeclaims',
          'kept',
          (object) => object.status.phase === 'Bound',
          20, // the controller of a real cluster looks over the unbound claims every 15 s, and may need two looks
        );
        const source = { persistentVolumeClaim: { claimName: 'kept' } };

        await show('vol-writer', 'echo kept > /v/note', source);

        expect(bound.status).toMatchObject({ accessModes: ['ReadWriteOnce'], capacity: { storage: '1Mi' } });
        expect(await show('vol-reader', 'cat /v/note; rm /v/note', source)).toBe('kept\n');
      } finally {
        await lab.wire.request('DELETE', `/api/v1/persistentvolumes/${name}`);
      }
    },
    60_000 * patience,
  );

  it(
    'a missing ConfigMap keeps the pod waiting and says so',
    async () => {
      await lab.create(
        'pods',
        pod('vol-missing', '', {
          containers: [container('true', { volumeMounts: [mount('/v')] })],
          volumes: [{ name: 'v', configMap: { name: 'nobody' } }],
        }),
      );

      // A kubelet that has much to do may first say that it has not yet synced its cache.
      await lab.untilList(
        'events',
        { fieldSelector: 'involvedObject.name=vol-missing' },
        (items) =>
          items.some(
            ({ reason, message }) =>
              reason === 'FailedMount' && String(message).includes('configmap "nobody" not found'),
          ),
        20,
      );

      expect((await lab.get('pods', 'vol-missing')).status.phase).toBe('Pending');
    },
    45_000 * patience + eventLagMs,
  );

  it('an optional one may be missing', async () => {
    expect(
      await show('vol-optional', 'ls /v | wc -l', { configMap: { name: 'nobody', optional: true } }),
    ).toMatch(/^\s*0\n$/);
  });
});

describe('names of images', () => {
  it('that are none are told as InvalidImageName', async () => {
    await lab.create(
      'pods',
      pod('image', '', { containers: [container('true', { image: 'Not An Image' })] }),
    );

    const object = await lab.until(
      'pods',
      'image',
      (entry) => stateOf(entry).waiting?.reason === 'InvalidImageName',
      20,
    );

    expect(stateOf(object).waiting.message).toContain('Failed to apply default image tag');
    expect(object.status.phase).toBe('Pending');
  });
});
