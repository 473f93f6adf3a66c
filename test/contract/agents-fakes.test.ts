import { mkdtemp, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AgentSpec } from '../../src/ports/agent.ts';
import { LeaseLostError } from '../../src/ports/leases.ts';
import { folderAgent } from '../fakes/folder-agent.ts';
import { ScriptedAgents } from '../fakes/scripted-agents.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { runScript, stepOf } from '../support/run-script.ts';

/** What the fakes of agents claim of the contract in agents.test.ts, with the same expectations. */

const soon = () => ({ signal: AbortSignal.timeout(10_000) });

describe('a folder agent', () => {
  let workspace: string;
  beforeEach(async () => void (workspace = await mkdtemp(join(tmpdir(), 'folder-agent-'))));
  afterEach(() => rm(workspace, { recursive: true }));

  it('answers a query with both streams and the exit code', async () => {
    const agent = folderAgent(workspace);

    await expect(agent.query(['sh', '-c', 'echo a; echo b >&2; exit 5'], soon())).resolves.toEqual({
      exitCode: 5,
      stdout: 'a\n',
      stderr: 'b\n',
    });
  });

  it('gives files back as they were sent, in place of what was there', async () => {
    const agent = folderAgent(workspace);
    await mkdir(join(workspace, 'from'));
    await writeFile(join(workspace, 'from', 'data'), Buffer.alloc(300_000, 'x'));
    await mkdir(join(workspace, 'to'));
    await writeFile(join(workspace, 'to', 'old'), '');
    const tar = await agent.download(['data'], buffer, { ...soon(), directory: 'from' });

    await agent.upload(() => Readable.from([tar]), { ...soon(), directory: 'to' });

    expect((await readFile(join(workspace, 'to', 'data'))).length).toBe(300_000);
    await expect(readFile(join(workspace, 'to', 'old'))).rejects.toThrow('ENOENT');
  });

  it('rejects paths that are not there, by their name', async () => {
    const agent = folderAgent(workspace);

    await expect(agent.download(['nothing-here'], buffer, soon())).rejects.toThrow(/nothing-here/);
  });

  it('refuses what is no archive, and takes a source that fails for nothing', async () => {
    const agent = folderAgent(workspace);
    const nonsense = () => Readable.from([Buffer.alloc(100_000, 'nonsense')]);
    const failing = () =>
      Readable.from(
        (async function* () {
          yield Buffer.alloc(1000);
          throw new Error('source failed');
        })(),
      );

    await expect(agent.upload(nonsense, { ...soon(), directory: 'bad' })).rejects.toThrow(/cannot write to/);
    await expect(agent.upload(failing, { ...soon(), directory: 'bad' })).rejects.toThrow('source failed');
  });
});

describe('scripted agents', () => {
  const spec = (name = 'main') =>
    ({ runId: 'run', pipeline: 'web', name, namespace: 'ci' }) as unknown as AgentSpec;
  const setUp = () => new ScriptedAgents(new VirtualClock());

  it('give a step’s exit code, output, outputs, environment and log’s length', async () => {
    const agent = await setUp().acquire(spec(), soon());

    const { result, output } = await runScript(
      agent,
      'echo out\noutput VERSION=1.2\nenv NODE_ENV=test\nexit 7',
    );

    expect(output).toBe('out\n');
    expect(result).toEqual({
      ...{ type: 'exited', exitCode: 7, logBytes: 4 },
      ...{ outputs: { VERSION: '1.2' }, environment: { NODE_ENV: 'test' } },
    });
  });

  it('start a step once, for all who follow it from any byte', async () => {
    const agents = setUp();
    const agent = await agents.acquire(spec(), soon());
    const step = stepOf('echo begun\nsleep 1s\necho done');
    const follow = async (fromOffset: number) => {
      const parts: Buffer[] = [];
      const onOutput = (chunk: Buffer) => void parts.push(chunk);
      const result = await agent.runStep(step, { ...soon(), fromOffset, onOutput });
      return [result.logBytes, Buffer.concat(parts).toString('utf8')];
    };

    await expect(Promise.all([follow(0), follow(0), follow(2)])).resolves.toEqual([
      [11, 'begun\ndone\n'],
      [11, 'begun\ndone\n'],
      [11, 'gun\ndone\n'],
    ]);
    expect(agents.calls.filter((call) => call.startsWith('start'))).toHaveLength(1);
  });

  it('stop a step that is cancelled', async () => {
    const agent = await setUp().acquire(spec(), soon());
    const aborting = new AbortController();
    const onOutput = () => aborting.abort(new Error('cancelled'));

    const { result } = await runScript(agent, 'echo up\nsleep 300s', { signal: aborting.signal, onOutput });

    expect(result).toEqual({ type: 'cancelled', logBytes: 3 });
  });

  it('leave a step alone that another runner has taken over', async () => {
    const agent = await setUp().acquire(spec(), soon());
    const aborting = new AbortController();
    const step = stepOf('echo up\nsleep 1s\necho end');
    const lost = new LeaseLostError('taken');

    const left = agent.runStep(step, { signal: aborting.signal, onOutput: () => aborting.abort(lost) });

    await expect(left).rejects.toBe(lost);
    const again = await agent.runStep(step, { ...soon(), onOutput: () => undefined });
    expect(again).toMatchObject({ type: 'exited', exitCode: 0 });
  });

  it('are adopted by the next who asks, and released alone by name, again and again', async () => {
    const agents = setUp();
    const first = await agents.acquire(spec(), soon());
    const second = await agents.acquire(spec(), soon());
    await agents.acquire(spec('web'), soon());
    expect([first.adopted, second.adopted, second.id]).toEqual([false, true, first.id]);

    await agents.release({ runId: 'run', namespace: 'ci', agent: 'web' }, soon());
    await agents.release({ runId: 'run', namespace: 'ci', agent: 'web' }, soon());

    expect((await agents.view({ runId: 'run', namespace: 'ci' }, soon())).map(({ pod }) => pod)).toEqual([
      first.pod,
    ]);
    const next = await agents.acquire(spec('web'), soon());
    expect(next.adopted).toBe(false);
  });

  it('are made and removed only by who still owns the run', async () => {
    const agents = setUp();
    const lost = new LeaseLostError('resumed elsewhere');
    const beforeWrite = () => Promise.reject(lost);

    await expect(agents.acquire(spec(), { ...soon(), beforeWrite })).rejects.toBe(lost);
    expect(await agents.view({ runId: 'run', namespace: 'ci' }, soon())).toEqual([]);
    await agents.acquire(spec(), soon());
    await expect(agents.release({ runId: 'run', namespace: 'ci' }, { ...soon(), beforeWrite })).rejects.toBe(
      lost,
    );
    expect(await agents.view({ runId: 'run', namespace: 'ci' }, soon())).toHaveLength(1);
  });

  it('say by an AgentError that the pod is gone', async () => {
    const agents = setUp();
    const agent = await agents.acquire(spec(), soon());
    const onOutput = () => agents.lose('evicted');

    const running = runScript(agent, 'echo up\nsleep 300s', { onOutput });

    await expect(running).rejects.toMatchObject({
      ...{ name: 'AgentError', fault: 'infrastructure', problem: 'evicted' },
    });
  });
});
