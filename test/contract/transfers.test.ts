import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { extract, pack } from 'tar-stream';
import {
  createKubernetes,
  type Kubernetes,
  type KubernetesOptions,
} from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { createFolderStore } from '../../src/adapters/store/folder.ts';
import { exitCodeOf } from '../../src/base/exit-code.ts';
import * as z from '../../src/base/zod.ts';
import type { Agent, AgentSpec } from '../../src/ports/agent.ts';
import type { RunEvent } from '../../src/ports/events.ts';
import type { StageContext } from '../../src/ports/stage.ts';
import { runStage } from '../../src/stages/run/run-stage.ts';
import { runFields } from '../../src/stages/run/schema.ts';
import { runScript } from '../support/run-script.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { startApiProxy, startTcpProxy, type ApiProxy, type TcpProxy } from '../chaos/proxy/api-proxy.ts';
import { scratchNamespace, soon, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(180_000);

const silenceMs = 2000;
const megabyte = 1024 * 1024;
/** Larger than what all buffers on the way hold. */
const size = 24 * megabyte;
const breakAt = 9 * megabyte;

let cluster: TestCluster;
let scratch: ScratchNamespace;
let spec: AgentSpec;
/** Straight to the cluster: prepares, and looks at what came of it. */
let direct: Agent;

beforeAll(async () => {
  cluster = await testCluster();
  scratch = await scratchNamespace(cluster.kubeconfig, 'transfers');
  spec = scratch.agentSpec();
  direct = await scratch.kubernetes.agents.acquire(spec, soon());
  await direct.ready(soon());
  // Compresses badly and differs everywhere.
  await shell(`mkdir data && head -c ${String(size)} /dev/urandom >data/blob`);
});
afterAll(async () => {
  await scratch.remove();
  await cluster.close();
});

async function shell(script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await direct.query(
    ['sh', '-ec', `cd ${direct.workspace}; ${script}`],
    soon(),
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

const hashInPod = async (file: string) => (await shell(`sha256sum ${file}`)).split(' ')[0];

/** The same agent, reached in another way. */
async function agentThrough(
  kubeconfig: string,
  options: KubernetesOptions = {},
): Promise<{ agent: Agent; kubernetes: Kubernetes }> {
  const kubernetes = await createKubernetes({ kubeconfig, silenceMs, attemptMs: 3000, ...options });
  const agent = await kubernetes.agents.acquire(spec, soon());
  await agent.ready(soon());
  return { agent, kubernetes };
}

/** Hashes of the files of a tar stream. */
async function hashes(tar: Readable): Promise<Record<string, string>> {
  const entries = extract();
  const found: Record<string, string> = {};
  const reading = (async () => {
    for await (const entry of entries) {
      const hash = createHash('sha256');
      for await (const chunk of entry) hash.update(chunk as Buffer);
      found[entry.header.name] = hash.digest('hex');
    }
  })();
  await Promise.all([pipeline(tar, entries), reading]);
  return found;
}

/** An archive of one file, the same each time; made as it is read. */
function archive(bytes: number): Readable {
  const tar = pack();
  const entry = tar.entry({ name: 'sub/blob', size: bytes });
  const content = function* () {
    for (let at = 0; at < bytes; at += 65_536) yield Buffer.alloc(Math.min(65_536, bytes - at), at / 65_536);
  };
  pipeline(Readable.from(content()), entry).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error as Error),
  );
  return Readable.from(tar, { objectMode: false });
}

const hashOfArchive = async (bytes: number) => (await hashes(archive(bytes)))['sub/blob'];

describe('through a connection that breaks', () => {
  let proxy: TcpProxy;
  let agent: Agent;
  let kubernetes: Kubernetes;
  /** Times that the connection broke. */
  let broken: number;

  beforeEach(async () => {
    proxy = await startTcpProxy(cluster.kubeconfig);
    ({ agent, kubernetes } = await agentThrough(proxy.kubeconfig));
    broken = 0;
  });
  afterEach(async () => {
    await kubernetes.close();
    await proxy.close();
  });

  /** Breaks what is open when so many bytes have passed since the time before; `times` times in all. */
  function breakEvery(direction: 'onData' | 'onSent', how: 'cut' | 'freeze', times: number): void {
    let passed = 0;
    proxy.tcp[direction] = (bytes) => {
      passed += bytes;
      if (passed < breakAt || broken >= times) return;
      passed = 0;
      broken += 1;
      proxy.tcp[how]();
    };
  }

  it.each(['cut', 'freeze'] as const)('a download begins again after a %s', async (how) => {
    breakEvery('onData', how, 1);
    let calls = 0;

    const found = await agent.download(
      ['data'],
      (tar) => {
        calls += 1;
        return hashes(tar);
      },
      soon(),
    );

    expect(found).toMatchObject({ 'data/blob': await hashInPod('data/blob') });
    expect(broken).toBe(1);
    expect(calls).toBeGreaterThanOrEqual(2);
  });

  it.each(['cut', 'freeze'] as const)('an upload begins again after a %s', async (how) => {
    breakEvery('onSent', how, 1);
    await shell('mkdir -p up && echo old >up/old');
    let opened = 0;
    const open = () => {
      opened += 1;
      return archive(size);
    };

    await agent.upload(open, { ...soon(), directory: 'up' });

    expect([opened, broken]).toEqual([2, 1]);
    expect(await hashInPod('up/sub/blob')).toBe(await hashOfArchive(size));
    await expect(shell('ls up; rm -r up; ls -d up* 2>/dev/null || :')).resolves.toBe('sub\n');
  });

  it('a query is asked again when nothing is heard of it', async () => {
    const asking = agent.query(['sh', '-c', 'sleep 1; echo answer'], soon());
    await proxyIsUsed(proxy);
    proxy.tcp.freeze(); // in the handshake, or after it

    await expect(asking).resolves.toEqual({ exitCode: 0, stdout: 'answer\n', stderr: '' });
  });

  it('a query that says nothing for longer than silence may last is let be', async () => {
    const script = `echo once >>asked; sleep ${String((silenceMs * 2.5) / 1000)}; cat asked`;

    await expect(
      agent.query(['sh', '-c', `cd ${agent.workspace}; ${script}`], soon()),
    ).resolves.toMatchObject({ stdout: 'once\n' });
  });

  it('an upload that its container takes nothing of for longer than silence may last is let be', async () => {
    const marks = '/proc/[0-9]*/cwd';
    const isUnpacking = 'case $(readlink "$cwd" 2>/dev/null) in */held.part-*) ;; *) continue ;; esac';
    const pids = `pids=; for cwd in ${marks}; do ${isUnpacking}; pid=\${cwd%/cwd}; pids="$pids \${pid#/proc/}"; done`;
    const seconds = String((silenceMs * 2) / 1000);
    const holding = shell(
      `until [ -n "$pids" ]; do ${pids}; done; kill -STOP $pids; sleep ${seconds}; kill -CONT $pids`,
    );
    let opened = 0;
    const open = () => {
      opened += 1;
      return archive(size);
    };

    await agent.upload(open, { ...soon(), directory: 'held' });

    await holding;
    expect(opened).toBe(1);
    expect(await hashInPod('held/sub/blob')).toBe(await hashOfArchive(size));
    await shell('rm -r held');
  });

  it('a download that breaks each time ends with what broke it, as infrastructure', async () => {
    breakEvery('onData', 'cut', Infinity);

    const error: unknown = await agent.download(['data'], hashes, soon()).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ message: expect.stringMatching(/cannot read data .*ECONNRESET/) });
    expect(exitCodeOf(error)).toBe(3);
    expect(broken).toBe(5);
  });

  it('an upload that breaks each time ends with what broke it, as infrastructure, and leaves nothing', async () => {
    breakEvery('onSent', 'cut', Infinity);

    const error: unknown = await agent
      .upload(() => archive(size), { ...soon(), directory: 'never' })
      .catch((caught: unknown) => caught);

    expect(error).toMatchObject({ message: expect.stringMatching(/cannot write to .*ECONNRESET/) });
    expect(exitCodeOf(error)).toBe(3);
    expect(broken).toBe(5);
    // The scripts in the pod learn of it from their standard input, a moment later.
    await expect(
      shell('for i in 1 2 3 4 5 6 7 8; do ls -d never* 2>/dev/null || exit 0; sleep 0.5; done'),
    ).resolves.not.toContain('never\n');
    await expect(shell('ls -d never* 2>/dev/null || :')).resolves.toBe('');
  });

  it('a reader that fails for its own reason is called once', async () => {
    let calls = 0;
    const reading = agent.download(
      ['data'],
      () => {
        calls += 1;
        return Promise.reject(new Error('the disk is full'));
      },
      soon(),
    );

    await expect(reading).rejects.toThrow('the disk is full');
    expect(calls).toBe(1);
  });

  it('keeps memory flat with 200 MB in each direction', async () => {
    const bytes = 200 * megabyte;
    await shell(`head -c ${String(bytes)} /dev/zero >data/large`);
    const before = liveMemory();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, liveMemory())), 250);

    const found = await agent.download(['data/large'], hashes, soon());
    await agent.upload(() => archive(bytes), { ...soon(), directory: 'large' });

    clearInterval(watch);
    expect(found).toMatchObject({ 'data/large': await hashInPod('data/large') });
    expect(await hashInPod('large/sub/blob')).toBe(await hashOfArchive(bytes));
    await shell('rm -r large data/large');
    expect(most - before).toBeLessThan(100 * megabyte);
  });

  /** Runs a stage on the agent. */
  async function runOnAgent(folder: string, name: string, fields: Record<string, unknown>) {
    const events: RunEvent[] = [];
    const context = {
      run: { id: 'r', pipeline: 'shop', namespace: spec.namespace },
      stage: { name, attempt: 1 },
      ...{ container: 'main', env: {}, workingDirectory: '.', offsets: {}, saveOffset: () => undefined },
      signal: soon(120_000).signal,
      agent: async () => agent,
      emit: async (event: RunEvent) => void events.push(event),
    } as unknown as StageContext;
    const input = z.strictObject(runFields).parse(fields);
    const result = await runStage({ artifacts: createFolderStore(folder) }).run(input, context);
    return { result, events };
  }

  it('a stage brings 3,000 files whose names are more than 1 MiB together', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-artifacts-'));
    const deep = `many/${'x'.repeat(180)}/${'y'.repeat(180)}`;
    const script = `mkdir -p ${deep}; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i >"${deep}/a b'$i.txt"; done
      echo '<testsuite><testcase name="a"/></testsuite>' >many/a.xml`;
    const fields = { run: script, artifacts: ['many/**/*.txt'], reports: { junit: 'many/*.xml' } };
    const { result, events } = await runOnAgent(folder, 'many', fields);

    expect(result).toMatchObject({ outcome: 'succeeded' });
    const collected = events.find((event) => event.type === 'artifacts.collected');
    expect(collected).toMatchObject({ bytes: 9 * 2 + 90 * 3 + 900 * 4 + 2001 * 5 });
    expect(collected?.files).toHaveLength(3000);
    const last = path.join(folder, 'artifacts/many', deep, "a b'3000.txt");
    await expect(readFile(last, 'utf8')).resolves.toBe('3000\n');
    await shell('rm -r many');
    await rm(folder, { recursive: true });
  });

  it('a stage whose artifacts break off once succeeds, with its script run once and the files whole', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-artifacts-'));
    const script = `echo run >>runs; mkdir -p out; head -c ${String(size)} /dev/urandom >out/blob; cp runs out/runs`;
    breakEvery('onData', 'cut', 1);

    const { result, events } = await runOnAgent(folder, 'build', { run: script, artifacts: ['out/**'] });

    expect(result).toMatchObject({ outcome: 'succeeded' });
    expect(broken).toBe(1);
    await expect(shell('cat runs')).resolves.toBe('run\n');
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      'artifacts',
      'artifacts/build',
      'artifacts/build/out',
      'artifacts/build/out/blob',
      'artifacts/build/out/runs',
    ]);
    const blob = await readFile(path.join(folder, 'artifacts/build/out/blob'));
    expect(createHash('sha256').update(blob).digest('hex')).toBe(await hashInPod('out/blob'));
    expect(events.filter(({ type }) => type === 'artifacts.collected')).toHaveLength(1);
    await rm(folder, { recursive: true });
  });
});

describe('when the handshake of an exec', () => {
  let api: ApiProxy;
  beforeEach(async () => {
    api = await startApiProxy(cluster.kubeconfig);
  });
  afterEach(() => api.close());

  const uses: [string, (agent: Agent, kubernetes: Kubernetes) => Promise<unknown>][] = [
    [
      'becoming ready',
      async (_, kubernetes) => (await kubernetes.agents.acquire(spec, soon())).ready(soon()),
    ],
    ['a query', (agent) => agent.query(['true'], soon())],
    ['a download', (agent) => agent.download(['.'], (tar) => tar.resume().toArray(), soon())],
    ['an upload', (agent) => agent.upload(() => archive(1000), { ...soon(), directory: 'small' })],
  ];

  it.each(
    uses.flatMap(([what, use]) =>
      ([503, 429, 500, 'reset', 'stall', 'silent'] as const).map((fate) => [fate, what, use] as const),
    ),
  )('meets %s twice, %s is done all the same', async (fate, _what, use) => {
    const { agent, kubernetes } = await agentThrough(api.kubeconfig);
    let refused = 0;
    api.http.upgrade = () => {
      refused += 1;
      return refused <= 2 ? fate : 'pass';
    };

    await use(agent, kubernetes);

    expect(refused).toBeGreaterThanOrEqual(3);
    await kubernetes.close();
  });

  it.each(uses.slice(1))(
    'is refused for longer than the budget, %s fails as infrastructure',
    async (_what, use) => {
      const { agent, kubernetes } = await agentThrough(api.kubeconfig, { retryBudgetMs: 2000 });
      api.http.upgrade = () => 503;
      const startedAt = performance.now();

      const error: unknown = await use(agent, kubernetes).catch((caught: unknown) => caught);

      expect(exitCodeOf(error)).toBe(3);
      expect(error).toMatchObject({ status: 503 });
      expect(performance.now() - startedAt).toBeLessThan(20_000);
      await kubernetes.close();
    },
  );
});

describe('an answer that is lost after the work was done', () => {
  let api: ApiProxy;
  beforeEach(async () => {
    api = await startApiProxy(cluster.kubeconfig);
  });
  afterEach(() => api.close());

  /** Resets the first connection through which these words come. */
  function loseOnce(words: string): () => number {
    let lost = 0;
    api.http.answer = (chunk) => {
      if (lost > 0 || !chunk.includes(words)) return 'pass';
      lost += 1;
      return 'reset';
    };
    return () => lost;
  }

  it('of an upload changes nothing', async () => {
    const { agent, kubernetes } = await agentThrough(api.kubeconfig);
    const lost = loseOnce('SLIPWAY received');

    await agent.upload(() => archive(1000), { ...soon(), directory: 'lost' });

    expect(lost()).toBe(1);
    expect(await hashInPod('lost/sub/blob')).toBe(await hashOfArchive(1000));
    await expect(shell('ls -d lost*')).resolves.toBe('lost\n');
    await kubernetes.close();
  });

  it('of a download changes nothing', async () => {
    const { agent, kubernetes } = await agentThrough(api.kubeconfig);
    await shell('mkdir -p little && echo x >little/file');
    const lost = loseOnce('"Success"');

    const found = await agent.download(['little'], hashes, soon());

    expect(lost()).toBe(1);
    expect(found).toMatchObject({ 'little/file': await hashInPod('little/file') });
    await kubernetes.close();
  });

  it('of a query has it asked again', async () => {
    const { agent, kubernetes } = await agentThrough(api.kubeconfig);
    const lost = loseOnce('"Success"');

    await expect(agent.query(['echo', 'answer'], soon())).resolves.toMatchObject({ stdout: 'answer\n' });

    expect(lost()).toBe(1);
    await kubernetes.close();
  });

  it('of a step starts it once', async () => {
    const { agent, kubernetes } = await agentThrough(api.kubeconfig);
    const lost = loseOnce('SLIPWAY end');

    const { result } = await runScript(agent, 'echo once >>begun; exit 7');

    expect(lost()).toBe(1);
    expect(result).toMatchObject({ type: 'exited', exitCode: 7 });
    await expect(shell('cat begun')).resolves.toBe('once\n');
    await kubernetes.close();
  });
});

/** Bytes that are in use: what is not collected yet says nothing about what is held. */
function liveMemory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Resolves when something has gone through the proxy since. */
async function proxyIsUsed(proxy: TcpProxy): Promise<void> {
  await new Promise<void>((resolve) => (proxy.tcp.onData = () => resolve()));
  proxy.tcp.onData = undefined;
}
