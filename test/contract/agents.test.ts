import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { extract, pack } from 'tar-stream';
import type { Agent } from '../../src/ports/agent.ts';
import { LeaseLostError } from '../../src/ports/leases.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { runScript, stepOf } from '../support/run-script.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(120_000);

let cluster: TestCluster;
let scratch: ScratchNamespace;
let agent: Agent;
const main = () => ({ name: 'main', image: testImage, env: {}, imagePullPolicy: 'IfNotPresent' as const });

beforeAll(async () => {
  cluster = await testCluster();
  scratch = await scratchNamespace(cluster.kubeconfig, 'agents');
  const spec = scratch.agentSpec({ containers: [main(), { ...main(), name: 'other' }] });
  agent = await scratch.kubernetes.agents.acquire(spec, soon());
  await agent.ready(soon());
});

afterAll(async () => {
  await scratch.remove();
  await cluster.close();
});

describe('a step', () => {
  it('gives its exit code, its output and its log’s length', async () => {
    const { result, output } = await runScript(agent, 'echo out; echo err >&2; exit 7');

    expect(output.split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(result).toEqual({ type: 'exited', exitCode: 7, outputs: {}, environment: {}, logBytes: 8 });
  });

  it('runs in the workspace, which all containers share', async () => {
    await runScript(agent, 'mkdir -p shared && echo hello >shared/file');

    const { output } = await runScript(agent, 'pwd; cat file', {
      container: 'other',
      workingDirectory: 'shared',
    });

    expect(output).toBe(`${agent.workspace}/shared\nhello\n`);
  });

  it('hands over outputs and environment', async () => {
    const { result } = await runScript(
      agent,
      'echo VERSION=1.2 >>"$SLIPWAY_OUTPUT"; echo NODE_ENV=test >>"$SLIPWAY_ENV"; test "$CI" = true',
    );

    expect(result).toMatchObject({
      exitCode: 0,
      outputs: { VERSION: '1.2' },
      environment: { NODE_ENV: 'test' },
    });
  });

  it('gets variables as data, whatever they hold', async () => {
    const value = 'a\'b "c" $(id) `id` \\ \n\ttab ünïcode';

    const { output } = await runScript(agent, 'printf %s "$VALUE"', {
      env: { VALUE: { type: 'plain', value } },
    });

    expect(output).toBe(value);
  });

  it('gets secrets that are in no argument of any process', async () => {
    const secrets = { read: async () => new Map([['value', Buffer.from('hush-hush')]]) };
    const spec = scratch.agentSpec({ secrets });
    const own = await scratch.kubernetes.agents.acquire(spec, soon());

    const { output } = await runScript(
      own,
      'printf "%s\\n" "$TOKEN"; sleep 0.3; cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -c "[h]ush" || :',
      { env: { TOKEN: { type: 'secret', secret: 'token' } } },
    );

    expect(output).toBe('hush-hush\n0\n');
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it('says that its shell is not there', async () => {
    const { result, output } = await runScript(agent, 'true', { shell: ['no-such-shell'] });

    expect(result).toMatchObject({ exitCode: 127 });
    expect(output).toContain('no-such-shell');
  });

  it('says that its working directory is not there', async () => {
    const { result, output } = await runScript(agent, 'true', { workingDirectory: 'nowhere' });

    expect(result).toMatchObject({ exitCode: 125 });
    expect(output).toContain('the working directory /workspace/nowhere does not exist');
  });

  it('shows small output at once', async () => {
    const times: number[] = [];

    const { output } = await runScript(agent, 'for i in 1 2 3 4; do echo $i; sleep 0.4; done', {
      onOutput: () => void times.push(performance.now()),
    });

    expect(output).toBe('');
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    expect(times).toHaveLength(4);
    expect(Math.max(...gaps)).toBeLessThan(800);
  });

  it('is started once, and followed by all who ask for it', async () => {
    const step = stepOf('echo begun >>started; sleep 1; echo done');
    const follow = async (fromOffset: number) => {
      const parts: Buffer[] = [];
      const result = await agent.runStep(step, {
        ...soon(),
        fromOffset,
        onOutput: (chunk) => void parts.push(Buffer.from(chunk)),
      });
      return [result.logBytes, Buffer.concat(parts).toString('utf8')];
    };

    const followed = await Promise.all([follow(0), follow(0), follow(2)]);

    expect(followed).toEqual([
      [5, 'done\n'],
      [5, 'done\n'],
      [5, 'ne\n'],
    ]);
    await expect(agent.query(['cat', 'started'], soon())).resolves.toMatchObject({ stdout: 'begun\n' });
  });

  it('shows nothing of what an earlier step left running', async () => {
    const left = await runScript(
      agent,
      '(while :; do echo late; sleep 0.01; done) & echo $! >pid; echo first',
      { background: true },
    );
    const next = await runScript(agent, 'kill "$(cat pid)"; echo next');

    expect(left.output).toMatch(/^(?:first|late)\n/);
    expect(next.output).toBe('next\n');
  });

  it('keeps every byte of binary output', async () => {
    const seen: Buffer[] = [];
    let next = 0;

    const { result } = await runScript(agent, 'head -c 3000000 /dev/urandom | tee data', {
      onOutput: (chunk, offset) => {
        expect(offset).toBe(next);
        next += chunk.length;
        seen.push(Buffer.from(chunk));
      },
    });

    const { stdout } = await agent.query(['sha256sum', '/workspace/data'], soon());
    const { createHash } = await import('node:crypto');
    expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(Buffer.concat(seen)).digest('hex'));
    expect(result.logBytes).toBe(3_000_000);
  });

  it('gets a time before each line when asked', async () => {
    const { output } = await runScript(agent, 'echo one; echo; printf three', { timestamps: true });

    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
    expect(output).toMatch(new RegExp(`^${time} one\n${time} \n${time} three\n$`));
  });

  it('is stopped by its group, children too', async () => {
    const aborting = new AbortController();
    const running = runScript(
      agent,
      'trap "echo stopping; exit 3" TERM; sleep 300 & echo $! >child; echo up; wait',
      {
        signal: aborting.signal,
        onOutput: () => aborting.abort(new Error('cancelled')),
        graceMs: 5000,
      },
    );

    const { result } = await running;

    expect(result).toMatchObject({ type: 'cancelled' });
    const { exitCode } = await agent.query(
      ['sh', '-c', 'sleep 0.5; kill -0 "$(cat /workspace/child)"'],
      soon(),
    );
    expect(exitCode).not.toBe(0);
  });

  it('is killed when it does not heed TERM', async () => {
    const aborting = new AbortController();
    const startedAt = performance.now();

    const { result } = await runScript(agent, 'trap "" TERM; echo up; while :; do sleep 0.1; done', {
      signal: aborting.signal,
      onOutput: () => aborting.abort(new Error('cancelled')),
      graceMs: 1000,
    });

    expect(result).toMatchObject({ type: 'cancelled', logBytes: 3 });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('goes on when another runner has taken the run over', async () => {
    const aborting = new AbortController();
    const step = stepOf('echo up; sleep 1; echo end');
    const lost = new LeaseLostError('taken');

    const abandoned = agent.runStep(step, { signal: aborting.signal, onOutput: () => aborting.abort(lost) });

    await expect(abandoned).rejects.toBe(lost);
    await expect(agent.runStep(step, { ...soon(), onOutput: () => undefined })).resolves.toMatchObject({
      type: 'exited',
      exitCode: 0,
    });
  });

  it('does not hang on a process that it leaves behind', async () => {
    const { result, output } = await runScript(agent, 'sleep 60 & echo left');

    expect(result).toMatchObject({ type: 'exited', exitCode: 0 });
    expect(output).toMatch(/^left\n\[slipway: ended what this step had left running: .*sleep\]\n$/);
  });

  it('ends with all that would read the secrets of later steps', async () => {
    const spy = `
      setsid sh -c '
        trap "" TERM
        while :; do cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep ^LATER= >>spied; sleep 0.05; done
      ' >/dev/null 2>&1 </dev/null &
      until [ -e spied ]; do sleep 0.05; done
    `;
    const { result, output } = await runScript(agent, `rm -f spied\n${spy}\nexit 5`);
    await runScript(agent, 'sleep 1', { env: { LATER: { type: 'plain', value: 'hush' } } });

    expect(result).toMatchObject({ type: 'exited', exitCode: 5 });
    expect(output).toMatch(/^\[slipway: ended what this step had left running: .*\bsh\b.*\]\n$/);
    await expect(agent.query(['cat', 'spied'], soon())).resolves.toMatchObject({ stdout: '' });
  });

  it('lets stay what it leaves when it says so', async () => {
    const { output } = await runScript(
      agent,
      'setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $! >stays',
      { background: true },
    );
    const next = await runScript(agent, 'kill -0 "$(cat stays)" && kill -KILL "$(cat stays)"');

    expect(output).toBe('');
    expect(next.result).toMatchObject({ exitCode: 0 });
  });

  it('that has deleted its log is over for all who take it up', async () => {
    const step = stepOf('echo gone; rm "${SLIPWAY_OUTPUT%/output}/log"; exit 6');
    await agent.runStep(step, { ...soon(), onOutput: () => undefined });

    const again = await agent.runStep(step, { ...soon(20_000), onOutput: () => undefined });

    expect(again).toMatchObject({ type: 'exited', exitCode: 6 });
  });

  it('writes as fast as the reader reads, and waits for nobody', async () => {
    let bytes = 0;

    const { result } = await runScript(agent, 'head -c 20000000 /dev/zero; date +%s >written; :', {
      onOutput: async (chunk) => {
        bytes += chunk.length;
        if (bytes < 1_000_000) await sleep(100);
      },
    });

    expect(bytes).toBe(20_000_000);
    expect(result).toMatchObject({ exitCode: 0 });
  });

  it('runs beside others', async () => {
    // Each one ends only when all have begun.
    const wait = 'until [ "$(ls begun | wc -l)" = 4 ]; do sleep 0.1; done';

    const runs = await Promise.all(
      ['1', '2', '3', '4'].map((code) =>
        runScript(agent, `mkdir -p begun; touch begun/${code}; ${wait}; exit ${code}`),
      ),
    );

    expect(runs.map(({ result }) => (result.type === 'exited' ? result.exitCode : -1))).toEqual([1, 2, 3, 4]);
  });
});

describe('a query', () => {
  it('gives both streams and the exit code', async () => {
    await expect(agent.query(['sh', '-c', 'echo a; echo b >&2; exit 5'], soon())).resolves.toEqual({
      exitCode: 5,
      stdout: 'a\n',
      stderr: 'b\n',
    });
  });

  it('is bounded', async () => {
    await expect(agent.query(['head', '-c', '2000000', '/dev/zero'], soon())).rejects.toThrow(
      'longer than 1 MiB',
    );
  });
});

describe('files', () => {
  it('come back as they were sent', async () => {
    const content = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => (index * 7) % 251));
    const archive = () => {
      const tar = pack();
      tar.entry({ name: 'dir/data.bin', mode: 0o755 }, content);
      tar.entry({ name: 'dir/skip.log' }, 'x');
      tar.finalize();
      return tar as unknown as Readable;
    };
    const files = new Map<string, { mode: number | undefined; content: Buffer }>();
    const receive = async (stream: Readable) => {
      const unpack = extract();
      const reading = (async () => {
        for await (const entry of unpack) {
          files.set(entry.header.name, { mode: entry.header.mode, content: await buffer(entry) });
        }
      })();
      await Promise.all([pipeline(stream, unpack), reading]);
    };

    await agent.upload(archive, { ...soon(), directory: 'uploaded' });
    await agent.download(['.'], receive, {
      ...soon(),
      directory: 'uploaded',
      excludes: ['dir/skip.log'],
    });

    // Whether excludes are left out is up to the container's tar.
    expect([...files.keys()]).toEqual(expect.arrayContaining(['./', './dir/', './dir/data.bin']));
    expect(files.get('./dir/data.bin')?.content.equals(content)).toBe(true);
    expect((files.get('./dir/data.bin')?.mode ?? 0) & 0o777).toBe(0o755);
  });

  it('that are not there are said', async () => {
    await expect(agent.download(['nothing-here'], buffer, soon())).rejects.toThrow(/nothing-here/);
  });

  it('that are no archive are refused', async () => {
    const nonsense = Readable.from([Buffer.alloc(100_000, 'nonsense')]);

    await expect(agent.upload(() => nonsense, { ...soon(), directory: 'bad' })).rejects.toThrow(
      /cannot write to/,
    );
  });

  it('of a source that fails are not taken for whole', async () => {
    const source = Readable.from(
      (async function* () {
        yield Buffer.alloc(1000);
        await sleep(10);
        throw new Error('source failed');
      })(),
    );

    await expect(agent.upload(() => source, { ...soon(), directory: 'bad' })).rejects.toThrow(
      'source failed',
    );
  });
});

describe('an onlooker', () => {
  it('sees the steps, follows one to its end, and stops none by leaving', async () => {
    const spec = scratch.agentSpec();
    const own = await scratch.kubernetes.agents.acquire(spec, soon());
    await runScript(own, 'echo first; exit 3', { id: 'build.1.run' });
    const step = stepOf('echo begun; sleep 2; echo ended; exit 4', { id: 'test.1.run' });
    const running = own.runStep(step, { ...soon(), onOutput: () => undefined });
    const seen = { left: '', followed: '', read: '' };
    const leaving = new AbortController();

    const [view] = await scratch.kubernetes.agents.view(spec, soon());
    let steps: readonly { id: string; container: string }[] = [];
    while (steps.length < 2) steps = await view!.steps(soon());
    const left = view!.followStep(steps[1]!, {
      signal: leaving.signal,
      onOutput: (chunk) => {
        seen.left += chunk.toString('utf8');
        leaving.abort(new Error('seen enough'));
      },
    });
    await expect(left).rejects.toThrow('seen enough');
    const code = await view!.followStep(steps[1]!, {
      ...soon(),
      onOutput: (chunk) => void (seen.followed += chunk.toString('utf8')),
    });
    await view!.readLog(steps[0]!, {
      ...soon(),
      onOutput: (chunk) => void (seen.read += chunk.toString('utf8')),
    });
    view!.close();

    expect(steps).toEqual([
      { id: 'build.1.run', container: 'main' },
      { id: 'test.1.run', container: 'main' },
    ]);
    expect(code).toBe(4);
    expect(seen).toEqual({ left: 'begun\n', followed: 'begun\nended\n', read: 'first\n' });
    await expect(running).resolves.toMatchObject({ type: 'exited', exitCode: 4 });
    await scratch.kubernetes.agents.release(spec, soon());
  });
});

describe('a pod', () => {
  it('is adopted by the next who asks for it, with the steps that run in it', async () => {
    const spec = scratch.agentSpec();
    const first = await scratch.kubernetes.agents.acquire(spec, soon());
    await runScript(first, 'echo kept >file');

    const second = await scratch.kubernetes.agents.acquire(spec, soon());
    const { output } = await runScript(second, 'cat file');

    expect([first.adopted, second.adopted]).toEqual([false, true]);
    expect(second.id).toBe(first.id);
    expect(second.pod).toBe(first.pod);
    expect(output).toBe('kept\n');
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it('is released alone by its name, and leaves the run’s others at work', async () => {
    const { agents, cluster } = scratch.kubernetes;
    const spec = scratch.agentSpec();
    const stays = await agents.acquire(spec, soon());
    const goes = await agents.acquire({ ...spec, name: 'web' }, soon());
    expect(goes.id).not.toBe(stays.id);

    await agents.release({ ...spec, agent: 'web' }, soon());

    await stays.ready(soon());
    expect((await runScript(stays, 'echo here')).output).toBe('here\n');
    const pod = { apiVersion: 'v1', kind: 'Pod', name: goes.pod, namespace: goes.namespace };
    const gone = await cluster.get(pod, soon());
    expect(gone === undefined || gone.metadata.deletionTimestamp !== undefined).toBe(true);
    await agents.release(spec, soon());
  });

  it('is made and removed only by who still owns the run', async () => {
    const spec = scratch.agentSpec();
    const lost = new LeaseLostError('resumed elsewhere');
    const beforeWrite = () => Promise.reject(lost);
    const { agents } = scratch.kubernetes;

    await expect(agents.acquire(spec, { ...soon(), beforeWrite })).rejects.toBe(lost);
    expect(await agents.view(spec, soon())).toEqual([]);
    await agents.acquire(spec, soon());
    await expect(agents.release(spec, { ...soon(), beforeWrite })).rejects.toBe(lost);
    expect(await agents.view(spec, soon())).toHaveLength(1);
    await agents.release(spec, soon());
  });

  it('is released, and may be released again', async () => {
    const spec = scratch.agentSpec();
    const released = await scratch.kubernetes.agents.acquire(spec, soon());
    await scratch.kubernetes.agents.release(spec, soon());
    await scratch.kubernetes.agents.release(spec, soon());

    const pod = await scratch.kubernetes.cluster.get(
      { apiVersion: 'v1', kind: 'Pod', name: released.pod, namespace: released.namespace },
      soon(),
    );
    expect(pod === undefined || pod.metadata.deletionTimestamp !== undefined).toBe(true);
  });

  it('that was deleted is lost to an upload, a download, a query and a connection alike', async () => {
    const spec = scratch.agentSpec();
    const deleted = await scratch.kubernetes.agents.acquire(spec, soon());
    await deleted.ready(soon());
    const pod = { apiVersion: 'v1', kind: 'Pod', name: deleted.pod, namespace: deleted.namespace };
    await scratch.kubernetes.cluster.delete(pod, { ...soon(), gracePeriodSeconds: 0 });

    const archive = pack();
    archive.entry({ name: 'file' }, 'x');
    archive.finalize();
    const calls = await Promise.allSettled([
      deleted.upload(() => archive as unknown as Readable, { ...soon(), directory: 'uploaded' }),
      deleted.download(['.'], buffer, soon()),
      deleted.query(['true'], soon()),
      deleted.connect(80, soon()),
    ]);

    for (const call of calls) {
      expect(call).toMatchObject({
        status: 'rejected',
        reason: { name: 'AgentError', fault: 'infrastructure' },
      });
    }
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it.each([
    ['writes on TERM', 'trap "sleep 1; seq 20000; exit 3" TERM', 20_000],
    ['writes until late in its grace period', 'trap "sleep 5; seq 100; exit 3" TERM', 100],
  ])('that is deleted shows all that a step %s', async (_, trap, lines) => {
    const spec = scratch.agentSpec();
    const deleted = await scratch.kubernetes.agents.acquire(spec, soon());

    const { error, output, tookMs } = await deleteDuring(deleted, trap);

    expect(error).toMatchObject({ name: 'AgentError', problem: 'deleted' });
    expect(output.split('\n')).toHaveLength(lines + 2);
    expect(output).toMatch(new RegExp(`^up\n1\n[^]*\n${String(lines)}\n$`));
    // No longer than the step takes, and the cluster.
    expect(tookMs).toBeLessThan(9000);
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it('that is deleted is lost within its grace period when its step does not heed TERM', async () => {
    const spec = scratch.agentSpec();
    const deleted = await scratch.kubernetes.agents.acquire(spec, soon());

    const { error, output, tookMs } = await deleteDuring(deleted, 'trap "" TERM');

    expect(error).toMatchObject({ name: 'AgentError', problem: 'deleted' });
    expect(output).toBe('up\n');
    expect(tookMs).toBeLessThan(18_000);
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it('waits for its services to be ready', async () => {
    const spec = scratch.agentSpec({
      services: [
        {
          ...main(),
          name: 'db',
          command: ['sh', '-c', 'sleep 2; touch /workspace/db-is-up; sleep 600'],
          ready: { exec: ['test', '-e', '/workspace/db-is-up'] },
        },
      ],
    });
    const own = await scratch.kubernetes.agents.acquire(spec, soon());

    const { result } = await runScript(own, 'test -e db-is-up');

    expect(result).toMatchObject({ exitCode: 0 });
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it('refuses a connection where nobody listens', async () => {
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, () => {
        const { port: free } = server.address() as { port: number };
        server.close(() => resolve(free));
      });
    });

    const connecting = (async () => {
      const socket = await agent.connect(port, soon(20_000));
      socket.write('hello');
      return buffer(socket);
    })();

    await expect(connecting).rejects.toThrow(/cannot connect to port/);
  });
});

/** Runs a step whose pod is deleted as soon as it is up, and waits for its end. */
async function deleteDuring(
  deleted: Agent,
  trap: string,
): Promise<{ error: unknown; output: string; tookMs: number }> {
  const { cluster } = scratch.kubernetes;
  const pod = { apiVersion: 'v1', kind: 'Pod', name: deleted.pod, namespace: deleted.namespace };
  let output = '';
  let deletedAt: number | undefined;
  const onOutput = async (chunk: Buffer) => {
    output += chunk.toString('utf8');
    if (deletedAt !== undefined) return;
    deletedAt = performance.now();
    await cluster.delete(pod, soon());
  };
  // Some shells say which of their children a signal has ended.
  const script = `exec 2>/dev/null; ${trap}; echo up; while :; do sleep 0.1 || :; done`;
  const error: unknown = await runScript(deleted, script, { onOutput }).catch((reason: unknown) => reason);
  return { error, output, tookMs: performance.now() - (deletedAt ?? 0) };
}
