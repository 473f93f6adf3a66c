import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, runIdOf, type CommandBench } from '../../support/command-bench.ts';
import { expectExit } from '../../support/pipeline-command.ts';

jest.setTimeout(120_000);

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

describe('a run that a newer version of Slipway drives', () => {
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
    await patchRecord('2');
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
          `error: the record ${record} was written in format 2; this version of Slipway reads up to 1`,
          'hint: use the version that started the run, or a newer one',
        ]);
      }
      expectExit(runs, 0);
      expect(runs.stderr).toContain(record);
      expectExit(collected, 0);
      expect(collected.stdout).not.toContain(id.toLowerCase());
      expect(await bench.pods(id)).toHaveLength(1);
    } finally {
      await patchRecord('1');
      running.child.kill('SIGCONT');
    }
    await bench.inPod(id, 'touch /workspace/go-on');
    expectExit(await running.result, 0);
  });
});
