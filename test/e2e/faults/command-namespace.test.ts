import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, runIdOf, type CommandBench } from '../../support/command-bench.ts';
import { expectExit, startPipeline } from '../../support/pipeline-command.ts';

jest.setTimeout(400_000);

let bench: CommandBench;

beforeAll(async () => {
  bench = await makeCommandBench('namespace');
});
afterEach(() => bench.expectNothingLeft());
afterAll(() => bench.remove());

const hello = { name: 'hello', run: 'echo never' };

/** A namespace that is being deleted and does not get there, until `free` is called. */
async function endingNamespace(): Promise<{ name: string; free: () => Promise<void> }> {
  const { admin } = bench.namespaces;
  const name = `e2e-ending-${randomBytes(3).toString('hex')}`;
  await admin.run(['create', 'namespace', name]);
  const holder = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'holder', finalizers: ['test.slipway.dev/hold'] },
  };
  const inside = ['--namespace', name];
  await admin.run(['create', ...inside, '--filename', '-'], JSON.stringify(holder));
  await admin.run(['delete', 'namespace', name, '--wait=false']);
  const patch = ['patch', 'configmap', 'holder', ...inside, '--type', 'merge', '--patch'];
  return {
    name,
    free: async () => {
      await admin.run([...patch, '{"metadata":{"finalizers":null}}']);
    },
  };
}

describe('a namespace that is being deleted', () => {
  it('ends a run with exit code 3 and one line that says so, before anything was made', async () => {
    const { name, free } = await endingNamespace();
    const place = ['--kubeconfig', bench.environment.kubeconfig, '--namespace', name];
    const file = await bench.folder.pipeline([hello]);
    try {
      const result = await bench.runAnywhere('run', file, ...place);

      expectExit(result, 3);
      expect(result.stdout).toBe('');
      expect(result.stderr.trim().split('\n')).toEqual([expect.stringMatching(/^error: .*being terminated/)]);
      expect(result.stderr).toContain(name);
    } finally {
      await free();
    }
  });
});

describe('a namespace that is deleted during a run', () => {
  it('ends the run with exit code 3 and a message that says so', async () => {
    const { admin } = bench.namespaces;
    const name = `e2e-deleted-${randomBytes(3).toString('hex')}`;
    await admin.run(['create', 'namespace', name]);
    const file = await bench.folder.pipeline([{ name: 'long', run: 'echo begun; sleep 600' }]);
    const place = ['--kubeconfig', bench.environment.kubeconfig, '--namespace', name];
    const running = startPipeline(['run', file, ...place], { timeoutMs: 240_000 });
    await running.output(/\[long\] begun/);

    await admin.run(['delete', 'namespace', name, '--wait=false']);

    const result = await running.result;
    expectExit(result, 3);
    const told = `${result.stdout}${result.stderr}`;
    // Kubernetes deletes what is in a namespace in no order: the pod or the lease may be the first that is missed.
    expect(told).toMatch(
      new RegExp(
        `namespace ${name} was deleted, and run |agent pod \\S+ was deleted while the run needed it`,
      ),
    );
    expect(told).not.toContain('another runner');
  });
});

describe('a run that a newer version of Slipway owns', () => {
  it('is left alone by this one, which says so in one line: exit code 2', async () => {
    const running = await bench.begin([
      { name: 'wait', run: 'echo begun; until [ -e go-on ]; do sleep 0.2; done; echo done' },
    ]);
    const id = await runIdOf(running);
    await running.output(/\[wait\] begun/);
    // What a newer version would have written, as far as this one can know: its number stands outside of what it reads.
    const { admin, agents } = bench.namespaces;
    const record = `slipway-run-${id.toLowerCase()}`;
    const patchRecord = (formatVersion: string) =>
      admin.run([
        ...['patch', 'configmap', record, '--namespace', agents, '--type', 'merge', '--patch'],
        JSON.stringify({ data: { formatVersion } }),
      ]);
    running.child.kill('SIGSTOP'); // it must not notice
    await patchRecord('3');
    try {
      const commands = ['resume', 'attach', 'cancel', 'logs'];
      const [collected, runs, ...told] = await Promise.all([
        bench.command('gc'),
        bench.command('runs'),
        ...commands.map((command) => bench.command(command, id)),
      ]);

      for (const result of told) {
        expectExit(result, 2);
        expect(result.stdout).toBe('');
        expect(result.stderr.trim().split('\n')).toEqual([
          `error: the record ${record} was written in format 3; this version of Slipway reads up to 2`,
          'hint: use the version that started the run, or a newer one',
        ]);
      }
      expectExit(runs, 0);
      expect(runs.stderr).toContain(record);
      expectExit(collected, 0);
      expect(collected.stdout).not.toContain(id.toLowerCase());
      expect(await bench.pods(id)).toHaveLength(1);
    } finally {
      await patchRecord('2');
      running.child.kill('SIGCONT');
    }
    await bench.inPod(id, 'touch /workspace/go-on');
    expectExit(await running.result, 0);
  });
});
