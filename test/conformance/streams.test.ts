import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { patience, useLab } from './lab.ts';
import { condition, container, httpServer, idle, pod } from './objects.ts';
import type { Answer, Json } from './wire.ts';

const lab = useLab('streams');
const isReady = (object: Json): boolean => condition(object, 'Ready')?.status === 'True';
const exec = (command: string[], more: Json = {}): ReturnType<typeof lab.wire.exec> =>
  lab.wire.exec(lab.namespace, 'target', { command, ...more });
const script = (text: string): string[] => ['sh', '-c', text];

beforeAll(async () => {
  const containers = [
    container(`export VISIBLE=no; ${idle}`, { env: [{ name: 'GREETING', value: 'hello' }] }),
    container(`i=0; while test $i -lt 5; do i=$((i+1)); echo line $i; done; echo to stderr >&2; ${idle}`, {
      name: 'talker',
    }),
  ];
  await lab.create('pods', pod('target', '', { containers }));
  await lab.until('pods', 'target', isReady, 25);
}, 40_000 * patience);

async function logs(name: string, query: Record<string, string> = {}): Promise<Answer> {
  return lab.wire.request('GET', await lab.url('pods', name, 'log'), { query });
}

describe('exec', () => {
  it('keeps output and errors apart and ends with Success', async () => {
    const { stdout, stderr, status } = await exec(script('echo out; echo err >&2'), { container: 'main' });

    expect([stdout, stderr]).toEqual(['out\n', 'err\n']);
    expect(status).toMatchObject({ status: 'Success' });
  });

  it('tells the exit code', async () => {
    const { status } = await exec(script('exit 42'), { container: 'main' });

    expect(status).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: expect.stringMatching(/^command terminated with non-zero exit code: .*42$/),
      details: { causes: [{ reason: 'ExitCode', message: '42' }] },
    });
  });

  it('has the environment of the container, not of its process', async () => {
    const { stdout } = await exec(script('echo "$GREETING ${VISIBLE-unset}"'), { container: 'main' });

    expect(stdout).toBe('hello unset\n');
  });

  it('passes input on', async () => {
    const { stdout } = await exec(['head', '-c', '5'], { stdin: 'hello, world', container: 'main' });

    expect(stdout).toBe('hello');
  });

  it('passes arguments as they are', async () => {
    const { stdout } = await exec(['printf', '%s|', 'a b', '$HOME', '*', "it's"], { container: 'main' });

    expect(stdout).toBe("a b|$HOME|*|it's|");
  });

  it('of a program that is not there fails', async () => {
    const { status } = await exec(['no-such-program'], { container: 'main' });

    expect(status.status).toBe('Failure');
  });

  it('takes the first container when none is named', async () => {
    const { stdout } = await exec(script('echo $GREETING'));

    // 1.20 refuses to choose, newer releases take the first one.
    expect(['hello\n', '']).toContain(stdout);
  });

  it('names the containers when the one that is asked for is not there', async () => {
    const { status } = await exec(['true'], { container: 'nobody' });

    expect(status.code).toBe(400);
    expect(status.message).toContain('container nobody is not valid for pod target');
  });

  it('of a pod that is not there is 404', async () => {
    const { status } = await lab.wire.exec(lab.namespace, 'nobody', { command: ['true'] });

    expect(status.code).toBe(404);
  });

  it('with a terminal has one stream', async () => {
    const { stdout, stderr } = await exec(script('test -t 1 && echo tty; echo err >&2; sleep 0.5'), {
      tty: true,
      // As kubectl does: Docker shows nothing of a terminal without input.
      stdin: '',
      container: 'main',
    });

    expect(stdout).toBe('tty\r\nerr\r\n');
    expect(stderr).toBe('');
  });

  it(
    'carries a megabyte without loss',
    async () => {
      const { stdout } = await exec(
        script('i=0; while test $i -lt 1024; do printf "%01023d\\n" $i; i=$((i+1)); done'),
        { container: 'main' },
      );

      expect(stdout).toHaveLength(1024 * 1024);
      expect(stdout.endsWith(`${String(1023).padStart(1023, '0')}\n`)).toBe(true);
    },
    20_000 * patience,
  );
});

describe('logs', () => {
  const talker = { container: 'talker' };

  it('hold output and errors', async () => {
    const { code, text } = await logs('target', talker);

    expect(code).toBe(200);
    expect(
      text
        .split('\n')
        .filter((line: string) => line !== '')
        .sort(),
    ).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5', 'to stderr']);
  });

  it.each([
    [{ tailLines: '2' }, 2],
    [{ tailLines: '0' }, 0],
    [{ limitBytes: '7' }, 1],
    [{ sinceSeconds: '3600' }, 6],
    [{ sinceTime: '2099-01-01T00:00:00Z' }, 0],
  ])('%j gives %d lines', async (query, count) => {
    const { text } = await logs('target', { ...talker, ...query });

    expect(text.split('\n').filter((line) => line !== '')).toHaveLength(count);
  });

  it('have timestamps when asked for', async () => {
    const { text } = await logs('target', { ...talker, timestamps: 'true', tailLines: '1' });

    expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) \S/);
  });

  it('need a container when there are several', async () => {
    const { code, body } = await logs('target');

    expect(code).toBe(400);
    expect(body.message).toMatch(
      /a container name must be specified for pod target, choose one of: \[main talker\]/,
    );
  });

  it('of a container that is not there are refused', async () => {
    const { code, body } = await logs('target', { container: 'nobody' });

    expect(code).toBe(400);
    expect(body.message).toContain('container nobody is not valid for pod target');
  });

  it('of a pod that is not there are 404', async () => {
    expect((await logs('nobody')).code).toBe(404);
  });

  it(
    'of a container that waits are refused, saying for what',
    async () => {
      await lab.create(
        'pods',
        pod('waiting', '', {
          containers: [
            container('true', {
              env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'a' } } }],
            }),
          ],
        }),
      );
      await lab.until(
        'pods',
        'waiting',
        (object) =>
          object.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
        20,
      );

      const { code, body } = await logs('waiting');

      expect(code).toBe(400);
      expect(body.message).toContain(
        'container "main" in pod "waiting" is waiting to start: CreateContainerConfigError',
      );
    },
    30_000 * patience,
  );

  it(
    'are followed until the container ends',
    async () => {
      await lab.create(
        'pods',
        pod('ending', 'i=0; while test $i -lt 5; do i=$((i+1)); echo $i; sleep 0.3; done'),
      );
      await lab.until('pods', 'ending', (object) => object.status?.phase !== 'Pending', 20);

      const { text } = await logs('ending', { follow: 'true' });

      expect(text).toBe('1\n2\n3\n4\n5\n');
    },
    30_000 * patience,
  );

  it(
    'of the container before a restart are kept',
    async () => {
      const mounts = { volumeMounts: [{ name: 's', mountPath: '/s' }] };
      const containers = [
        container(`if test -e /s/x; then echo second; ${idle}; fi; touch /s/x; echo first; exit 1`, mounts),
      ];
      await lab.create(
        'pods',
        pod('restarted', '', { restartPolicy: 'Always', containers, volumes: [{ name: 's', emptyDir: {} }] }),
      );
      await lab.until(
        'pods',
        'restarted',
        (object) => object.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(object),
        25,
      );

      expect([(await logs('restarted', { previous: 'true' })).text, (await logs('restarted')).text]).toEqual([
        'first\n',
        'second\n',
      ]);
    },
    40_000 * patience,
  );

  it('of the container before are refused when there was none', async () => {
    const { code, body } = await logs('target', { ...talker, previous: 'true' });

    expect(code).toBe(400);
    expect(body.message).toContain('previous terminated container "talker" in pod "target" not found');
  });
});

describe('port-forward', () => {
  it(
    'reaches a port of the pod',
    async () => {
      await lab.create(
        'pods',
        pod('served', '', {
          containers: [
            container(httpServer(8083, 'forwarded'), {
              ports: [{ containerPort: 8083 }],
              readinessProbe: { tcpSocket: { port: 8083 }, periodSeconds: 1 },
            }),
          ],
        }),
      );
      await lab.until('pods', 'served', isReady, 20);

      const text = await forwarded('pod/served', 8083);

      expect(text.trim()).toBe('forwarded');
    },
    40_000 * patience,
  );

  it(
    'of a port that nobody listens on fails, not hangs',
    async () => {
      await expect(forwarded('pod/target', 9999)).rejects.toThrow();
    },
    20_000 * patience,
  );
});

/** Asks through `kubectl port-forward` and ends it. */
async function forwarded(target: string, port: number): Promise<string> {
  const kubeconfig = process.env['SLIPWAY_TEST_KUBECONFIG'] ?? '';
  const child = spawn('kubectl', [
    '--kubeconfig',
    kubeconfig,
    '--namespace',
    lab.namespace,
    'port-forward',
    target,
    `:${port}`,
  ]);
  try {
    const local = await new Promise<string>((resolve, reject) => {
      let output = '';
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        const found = /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      };
      child.stdout.on('data', read);
      child.once('close', () => reject(new Error(`port-forward ended: ${output}`)));
    });
    return await textOf(Number(local));
  } finally {
    child.kill();
  }
}

/** Asks once, on a connection of its own. */
function textOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, agent: false, timeout: 8000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
  });
}
