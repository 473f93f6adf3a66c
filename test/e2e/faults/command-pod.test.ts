import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, runIdOf, type CommandBench } from '../../support/command-bench.ts';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { makeExampleRepository, type ExampleRepository } from '../../support/example-repository.ts';
import { startHttpGitServer, type HttpGitServer } from '../../support/git-server.ts';
import { expectExit, type PipelineResult } from '../../support/pipeline-command.ts';
import { testImage } from '../../support/scratch-namespace.ts';
import { addressForPods } from '../../support/this-machine.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(400_000);

/** What the sandbox does not do: it limits no memory of a step's process, and keeps no quotas. */
const itOnARealNode = e2eEnvironment().cluster === 'current' ? it : it.skip;
let bench: CommandBench;
let repository: ExampleRepository;
let git: HttpGitServer;

beforeAll(async () => {
  bench = await makeCommandBench('pod');
  repository = await makeExampleRepository('quickstart');
  const host = await addressForPods(bench.environment, bench.namespaces.admin);
  git = await startHttpGitServer({ directory: repository.directory, host });
});
afterEach(() => bench.expectNothingLeft());
afterAll(async () => {
  await git.close();
  await repository.remove();
  await bench.remove();
});

/** Deletes the run's pod as somebody with kubectl does. */
async function deletePod(runId: string): Promise<void> {
  const { admin, agents } = bench.namespaces;
  const [pod = ''] = await bench.pods(runId);
  await admin.run(['delete', 'pod', pod, '--namespace', agents, '--wait=false', '--grace-period=1']);
}

/** The run ended as an infrastructure failure that one line tells of, the same in the stage and at the end. */
function expectInfrastructure(result: PipelineResult, stage: string, reason: RegExp): void {
  expectExit(result, 3);
  const told = result.stdout.split('\n').filter((line) => line.startsWith(`slipway: ${stage}: `));
  expect(told).toEqual([expect.stringMatching(reason)]);
  expect(result.stdout).toMatch(new RegExp(`\\[${stage}\\] == infrastructure failure in `));
  expect(result.stdout + result.stderr).not.toMatch(/\n\s+at |internal/);
}

const container = (more: Record<string, unknown> = {}) => ({
  agent: { containers: { main: { image: testImage, ...more } } },
});

describe('an agent pod that somebody deletes in the middle of a step', () => {
  it('ends the run with exit code 3 and one line that says so', async () => {
    const running = await bench.begin([{ name: 'work', run: 'echo begun; sleep 600' }]);
    const id = await runIdOf(running);
    await running.output(/\[work\] begun/);

    await deletePod(id);

    const result = await running.result;
    expectInfrastructure(result, 'work', /agent pod \S+ was deleted/);
    expect(result.stdout).toMatch(/^slipway: agent pod \S+ was deleted while the run needed it$/m);
    expect(result.stderr).toBe('');
  });

  it('is replaced where the stage says retry on infrastructure: its step runs in a fresh checkout', async () => {
    const { username, password } = git;
    const login = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'git' } };
    const { admin, agents } = bench.namespaces;
    await admin.run(
      ['apply', '--namespace', agents, '--filename', '-'],
      JSON.stringify({ ...login, stringData: { username, password } }),
    );
    const running = await bench.begin(
      [
        { name: 'source', checkout: { url: git.url, credentials: 'git' } },
        {
          name: 'work',
          retry: { max: 1, on: ['infrastructure'], backoff: '1s' },
          run: [
            '[ -e package.json ] && echo "the checkout is here"',
            '[ ! -e mark ] && echo "nobody was here before"',
            'touch mark',
            // The end of what is printed last may be the beginning of a secret: it is shown when more follows.
            'echo "waiting"',
            'until [ -e go-on ]; do sleep 0.2; done',
            'echo "done in $(cat go-on)"',
          ].join('\n'),
        },
      ],
      // Without `agent`: the default image, which has Git.
      { document: { agent: undefined, secrets: { git: { kubernetes: { name: 'git' } } } } },
    );
    const id = await runIdOf(running);
    await running.output(/\[work\] nobody was here before/);

    await deletePod(id);
    await running.output(/attempt 2\)[^]*\[work\] nobody was here before/);
    await bench.inPod(id, 'echo "the new pod" >/workspace/go-on');

    const result = await running.result;
    expectExit(result, 0);
    const shown = result.stdout.split('\n').filter((line) => line.startsWith('[work] '));
    expect(shown.filter((line) => line === '[work] the checkout is here')).toHaveLength(2);
    expect(shown.filter((line) => line === '[work] nobody was here before')).toHaveLength(2);
    expect(shown).toContain('[work] done in the new pod');
    expect(result.stdout).toMatch(/\[work\] agent pod \S+ was deleted.*; next attempt in 1/);
    expect(result.stdout).toContain('slipway: the agent pod is a new one: source run again');
  });
});

describe('an agent pod that cannot start', () => {
  it('for want of its image ends the run with exit code 3 within seconds, in the registry’s words', async () => {
    const image = `${bench.environment.registry}/none/such:1`;

    const result = await bench.run([{ name: 'never', run: 'echo never' }], {
      document: container({ image }),
    });

    expectInfrastructure(
      result,
      'never',
      /cannot pull image "\S+\/none\/such:1".*(not found|unknown|denied)/,
    );
    expect(result.stdout).not.toContain('[never] never');
    expect(result.durationMs).toBeLessThan(30_000);
  });

  it('for an environment that cannot be read ends the run with exit code 3 and the name of the Secret', async () => {
    const podTemplate = {
      spec: { containers: [{ name: 'main', envFrom: [{ secretRef: { name: 'not-there' } }] }] },
    };
    const document = { agent: { containers: { main: { image: testImage } }, podTemplate } };

    const result = await bench.run([{ name: 'never', run: 'echo never' }], { document });

    expectInfrastructure(result, 'never', /secret "not-there" not found/);
    expect(result.durationMs).toBeLessThan(30_000);
  });
});

describe('an agent pod that a quota refuses', () => {
  itOnARealNode('is let in 20 s later, when there is room, and told of once until then', async () => {
    const { admin, agents } = bench.namespaces;
    const quota = ['resourcequota', 'none', '--namespace', agents];
    await admin.run(['create', 'quota', 'none', '--hard=pods=0', '--namespace', agents]);
    await waitFor('the quota to hold', async () => {
      const { status } = await admin.json<{ status?: { hard?: object } }>(['get', ...quota]);
      return status?.hard;
    });
    const running = await bench.begin([{ name: 'late', run: 'echo "let in"' }]);
    await running.output(/waits for the quota/);

    await sleep(20_000);
    await admin.run(['delete', ...quota]);

    const result = await running.result;
    expectExit(result, 0);
    expect(result.durationMs).toBeGreaterThan(20_000);
    expect(result.stdout).toContain('[late] let in\n');
    expect((result.stdout + result.stderr).match(/waits for the quota/g)).toHaveLength(1);
  });
});

describe('an agent container that is killed for want of memory', () => {
  itOnARealNode('ends the run with exit code 3 and says so', async () => {
    const document = container({ resources: { limits: { memory: '64Mi' } } });
    const run = 'x=$(head -c 200000000 /dev/zero | tr "\\0" "x"); echo "${#x}"';

    const result = await bench.run([{ name: 'hungry', run }], { document });

    expectInfrastructure(result, 'hungry', /ran out of memory|out of memory/);
  });
});
