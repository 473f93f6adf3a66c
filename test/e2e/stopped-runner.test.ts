import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { expectExit } from '../support/pipeline-command.ts';
import { makeRunsBench, type RunsBench } from '../support/runs-bench.ts';

jest.setTimeout(400_000);

interface RecordObject {
  metadata: { uid: string; resourceVersion: string };
  data: Record<string, string>;
}

let bench: RunsBench;
beforeAll(async () => {
  bench = await makeRunsBench('stopped');
});
afterEach(() => bench.killAll());
afterAll(() => bench.remove());

/** What the cluster holds of a run, and every pod that the run ever had. */
async function kept(id: string) {
  const { admin, agents: namespace } = bench.namespaces;
  const name = `slipway-run-${id.toLowerCase()}`;
  const record = await admin.json<RecordObject>(['get', 'configmap', name, '--namespace', namespace]);
  const events = await admin.json<{ items: { involvedObject: { kind: string; uid?: string } }[] }>([
    ...['get', 'events', '--namespace', namespace],
  ]);
  const pods = events.items.flatMap(({ involvedObject: { kind, uid } }) =>
    kind === 'Pod' && uid !== undefined ? [uid] : [],
  );
  return { record, pods: new Set(pods) };
}

describe('a runner that is stopped (SIGSTOP) until another one has resumed and ended its run', () => {
  it('ends with 4 when it wakes: it writes nothing, runs no `finally` and makes no pod', async () => {
    const { running, id } = await bench.beginRun(
      [{ name: 'work', run: 'echo begun\nsleep 8\necho worked' }],
      { finally: [{ name: 'tell', run: 'echo told' }] },
    );
    await running.output(/begun\n/);
    running.child.kill('SIGSTOP');

    const second = await bench.pipeline('resume', id);

    expectExit(second, 0);
    expect(second.stdout).toContain('[tell] told\n');
    const before = await kept(id);
    expect(before.record.data).toMatchObject({ state: 'finished' });

    running.child.kill('SIGCONT');
    const first = await running.result;

    expectExit(first, 4);
    expect(first.stdout + first.stderr).toContain('another runner has resumed this run');
    expect(first.stdout).not.toContain('[tell]');
    const after = await kept(id);
    expect(after.record.data).toEqual(before.record.data);
    expect(after.record.metadata).toMatchObject({
      uid: before.record.metadata.uid,
      resourceVersion: before.record.metadata.resourceVersion,
    });
    expect([...after.pods].filter((uid) => !before.pods.has(uid))).toEqual([]);
    expect(await bench.stateOf(id)).toBe('succeeded');
    expect(await bench.left()).toEqual([]);
  });
});
