import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { build } from 'esbuild';

import { runCommand } from '../../scripts/run-command.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { freePort } from '../support/free-port.ts';
import { expectExit, runPipeline, startPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder, type StageText } from '../support/pipeline-folder.ts';
import { clusterArguments, ourObjects } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { testImage } from '../support/scratch-namespace.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
let namespaces: RunnerNamespaces;
let folder: PipelineFolder;

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'cli');
  folder = await makePipelineFolder('command-line');
});
afterAll(async () => {
  await folder.remove();
  await namespaces.remove();
});

/** The arguments and settings of a run of these stages. */
async function runOf(stages: readonly StageText[], ...options: string[]) {
  const file = await folder.pipeline(stages);
  const results = ['--results', join(folder.path, 'results')];
  const args = ['run', file, ...clusterArguments(environment, namespaces), ...results, ...options];
  return [args, { env: { KUBECONFIG: namespaces.kubeconfig }, timeoutMs: 240_000 }] as const;
}

async function run(stages: readonly StageText[], ...options: string[]): Promise<PipelineResult> {
  return runPipeline(...(await runOf(stages, ...options)));
}

/** A command that reaches no cluster. */
const pipeline = (...args: string[]) => runPipeline(args, { env: { KUBECONFIG: '/does/not/exist' } });

const hello: StageText = { name: 'hello', run: 'echo "hello from $SLIPWAY_STAGE"' };

describe('pipeline run', () => {
  it('ends with 0 when all stages succeeded, results on stdout and nothing on stderr', async () => {
    const result = await run([hello, { name: 'last', run: 'true' }]);

    expectExit(result, 0);
    expect(result.stdout).toMatch(/^slipway: run [0-9A-Z]{26} of command-line on /);
    expect(result.stdout).toContain('[hello] == started (run)\n');
    expect(result.stdout).toContain('[hello] hello from hello\n');
    expect(result.stdout).toMatch(/\[last\] == succeeded in .*\n/);
    expect(result.stdout).toMatch(/slipway: succeeded in .*\n$/);
    expect(result.stderr).toBe('');
  });

  it('ends with 1 when a script fails, skips what needs it, and says which', async () => {
    const result = await run([
      { name: 'broken', run: 'echo before; exit 3; echo behind' },
      { name: 'later', run: 'echo never' },
    ]);

    expectExit(result, 1);
    expect(result.stdout).toContain('[broken] before\n');
    expect(result.stdout).toMatch(/\[broken\] == failed in .*: exit code 3\n/);
    expect(result.stdout).not.toContain('behind');
    expect(result.stdout).not.toContain('never');
    expect(result.stdout).toMatch(/slipway: broken: exit code 3\n$/);
  });

  it('ends with 2 when the file is wrong, before a cluster is looked for', async () => {
    const file = await folder.file('wrong.yaml', 'apiVersion: slipway.dev/v1\nkind: Pipeline\nname: x\n');

    const result = await pipeline('run', file);

    expectExit(result, 2);
    expect(result.stdout).toBe('');
    expect(result.stderr).toContain('stages');
  });

  it('ends with 3 when the API does not answer within the retry budget', async () => {
    const port = await freePort();
    const kubeconfig = await folder.file(
      'unreachable.yaml',
      [
        ...[
          'apiVersion: v1',
          'kind: Config',
          'current-context: gone',
          'users: [{name: u, user: {token: t}}]',
        ],
        `clusters: [{name: c, cluster: {server: "https://127.0.0.1:${String(port)}"}}]`,
        'contexts: [{name: gone, context: {cluster: c, user: u}}]',
      ].join('\n'),
    );
    const file = await folder.pipeline([hello]);

    const result = await runPipeline(['run', file, '--kubeconfig', kubeconfig, '--retry-budget', '2s']);

    expectExit(result, 3);
    expect(result.stdout + result.stderr).toContain(`127.0.0.1:${String(port)}`);
    expect(result.durationMs).toBeLessThan(20_000);
  });

  it('ends with 5 when the release was rolled back', async () => {
    const { application } = namespaces;
    const command = (script: string) => JSON.stringify(['sh', '-c', script]);
    const release = (script: string): StageText[] => [
      {
        name: 'manifests',
        env: { COMMAND: command(script) },
        run: `cat > deployment.yaml <<END
apiVersion: apps/v1
kind: Deployment
metadata: {name: little, namespace: ${application}}
spec:
  replicas: 1
  selector: {matchLabels: {app: little}}
  template:
    metadata: {labels: {app: little}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "${testImage}", command: $COMMAND}]
END`,
      },
      {
        name: 'deploy',
        deploy: { manifests: 'deployment.yaml', application: 'little', namespace: application },
      },
    ];
    expectExit(await run(release('sleep 100000')), 0);

    const result = await run(release('echo no database >&2; exit 7'));

    expectExit(result, 5);
    expect(result.stdout).toMatch(/\[deploy\] == rolled back in .*revision 1 is serving/i);
  });

  it('ends every line of --output json with an event, the last of them run.finished', async () => {
    const result = await run([hello], '--output', 'json');

    expectExit(result, 0);
    const lines = result.stdout.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { type: string; runId: string; sequence: number });
    expect(new Set(events.map(({ runId }) => runId)).size).toBe(1);
    expect(events[0]).toMatchObject({
      type: 'run.started',
      pipeline: 'command-line',
      runId: expect.stringMatching(/^[0-9A-Z]{26}$/),
    });
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', outcome: 'succeeded' });
    const sequence = events.map((event) => event.sequence);
    expect(sequence).toEqual(sequence.toSorted((a, b) => a - b));
    expect(events).toContainEqual(expect.objectContaining({ type: 'step.line', line: 'hello from hello' }));
    expect(result.stderr).toBe('');
  });

  it('begins each line with the time on --timestamps, and leaves steps’ output out on --quiet', async () => {
    const timed = await run([hello], '--timestamps');
    const quiet = await run([hello], '--quiet');

    for (const line of timed.stdout.trimEnd().split('\n'))
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (slipway:|\[hello\]) /);
    expect(timed.stdout).toContain('hello from hello');
    expect(quiet.stdout).not.toContain('hello from hello');
    expect(quiet.stdout).toMatch(/\[hello\] == succeeded/);
  });

  it('runs to its end when the reader of its output goes away', async () => {
    const [args, options] = await runOf([
      { name: 'chatty', run: 'for i in $(seq 1 20000); do echo "line $i"; done; sleep 1; echo done' },
      { name: 'after', run: 'true' },
    ]);
    const running = startPipeline(args, options);
    const [, runId] = await running.output(/run ([0-9A-Z]{26}) of/);
    running.child.stdout?.destroy();

    const result = await running.result;

    expectExit(result, 0);
    expect(result.stderr).not.toMatch(/EPIPE|internal error/);
    const record = await recordOf(runId!);
    expect(record).toContain(runId!);
    expect(await ourObjects(namespaces.admin, namespaces.agents)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'on %s stops the step, removes the pod and ends with 130',
    async (signal) => {
      const [args, options] = await runOf([{ name: 'long', run: 'echo begun; sleep 600' }]);
      const running = startPipeline(args, options);
      await running.output(/\[long\] begun/);
      running.child.kill(signal);

      const result = await running.result;

      expectExit(result, 130);
      expect(result.stderr).toContain(`${signal}: cleaning up`);
      expect(await ourObjects(namespaces.admin, namespaces.agents)).toEqual([]);
    },
  );

  it('on a second signal ends at once, and gc takes away what that left', async () => {
    const script = 'trap "" TERM; echo begun; while :; do sleep 1; done';
    const [args, options] = await runOf([{ name: 'stubborn', run: script }]);
    const running = startPipeline(args, options);
    await running.output(/\[stubborn\] begun/);
    running.child.kill('SIGTERM');
    await running.output(/cleaning up/);
    running.child.kill('SIGTERM');
    const result = await running.result;

    expectExit(result, 130);
    await runPipeline(['gc', ...clusterArguments(environment, namespaces)], options);
    expect(await ourObjects(namespaces.admin, namespaces.agents)).toEqual([]);
  });

  it('leaves the agent pod on --keep-agent and says how to look into it', async () => {
    const result = await run([hello], '--keep-agent');

    expectExit(result, 0);
    const pods = await ourObjects(namespaces.admin, namespaces.agents);
    expect(pods).toContainEqual(expect.stringMatching(/^Pod\/command-line-/));
    expect(result.stdout).toMatch(/kubectl .*exec/);
    const kept = pods.find((name) => name.startsWith('Pod/'))!.slice('Pod/'.length);
    const { admin, agents } = namespaces;
    await admin.run(['delete', 'pod', kept, '--namespace', agents, '--wait=false', '--grace-period=1']);
  });
});

/** The name of the run's record, as soon as it says that the run is finished. */
async function recordOf(runId: string): Promise<string> {
  return waitFor('the run to be finished', async () => {
    const args = ['runs', ...clusterArguments(environment, namespaces), '--output', 'json'];
    const { stdout } = await runPipeline(args, { env: { KUBECONFIG: namespaces.kubeconfig } });
    const runs = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { runId: string; state: string });
    return runs.some((entry) => entry.runId === runId && entry.state === 'succeeded') ? runId : undefined;
  });
}

describe('pipeline validate', () => {
  it('names file, line, column and the nearest name for each of several typos', async () => {
    const file = await folder.file(
      'typos.yaml',
      [
        ...['apiVersion: slipway.dev/v1', 'kind: Pipeline', 'name: typos', 'stages:'],
        ...['  - name: build', '    contianer: main', '    run: make', '    timeout: soon'],
        ...['  - name: test', '    needs: [biuld]', '    run: make test'],
      ].join('\n'),
    );

    const result = await pipeline('validate', file);

    expectExit(result, 2);
    const errors = result.stderr.trim().split('\n');
    expect(errors[0]).toMatch(/typos\.yaml:6:5: .*contianer.*"container"/);
    expect(errors[1]).toMatch(/typos\.yaml:8:14: .*soon/);
    expect(errors[2]).toMatch(/typos\.yaml:10:13: .*biuld.*"build"/);
    expect(errors).toHaveLength(3);
    expect(result.stdout).toBe('');
  });

  it('says the same with and without options', async () => {
    const file = await folder.pipeline([hello]);

    const plain = await pipeline('validate', file);
    const json = await pipeline('validate', file, '--output', 'json');

    expectExit(plain, 0);
    expect(plain.stdout).toBe(`${file}: pipeline command-line is valid (1 stage)\n`);
    expect(JSON.parse(json.stdout)).toEqual({
      ...{ type: 'valid', file, pipeline: 'command-line', stages: 1, warnings: [] },
    });
  });
});

describe('the command line', () => {
  it.each([
    [['vaildate', 'x.yaml'], /validate/],
    [['run'], /missing arguments: got 0, need 1/],
    [['run', 'x.yaml', '--clutser', 'sandbox'], /clutser/],
    [['runs', '--output', 'yaml'], /yaml/],
    [['validate', '/does/not/exist.yaml'], /\/does\/not\/exist\.yaml/],
    [['run', 'x.yaml', '--param', 'target'], /target/],
    [[], /command/],
  ])('ends with 2 and one clear message at %j', async (args, message) => {
    const result = await pipeline(...args);

    expectExit(result, 2);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\bat \S+ \(|internal error/);
  });

  it('prints help, the version and the schema on stdout', async () => {
    const help = await pipeline('--help');
    const version = await pipeline('--version');
    const schema = await pipeline('schema');

    for (const result of [help, version, schema]) expectExit(result, 0);
    for (const command of ['run', 'validate', 'plan', 'doctor', 'attach', 'resume', 'release'])
      expect(help.stdout).toContain(`pipeline ${command}`);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(JSON.parse(schema.stdout)).toMatchObject({ type: 'object' });
  });

  it('says errors as one JSON line on stderr where events are asked for as JSON', async () => {
    const result = await pipeline('run', '/does/not/exist.yaml', '--output', 'json');

    expectExit(result, 2);
    expect(JSON.parse(result.stderr)).toMatchObject({ type: 'error', fault: 'input' });
  });

  it('stays silent when the reader goes away (| head -1)', async () => {
    const child = spawn('sh', ['-c', '"$0" "$1" schema | head -1', process.execPath, 'src/main.ts'], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stdout.resume();
    await once(child, 'close');

    expect(said).toBe('');
  });
});

/** The machine's own Node.js, which need not be the one that runs the tests. */
const oldNode = '/usr/bin/node';
const oldVersion = existsSync(oldNode)
  ? execFileSync(oldNode, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
  : '';

describe('on a Node.js that is too old', () => {
  const itOnOldNode = /^(1\d|20)\./.test(oldVersion) ? it : it.skip; // skipped where the machine's own Node.js is new enough

  itOnOldNode('says so in one line and ends with 2', async () => {
    const main = join(folder.path, 'main.mjs');
    // As scripts/build.ts does: what an old Node reads first has to be syntax that it knows.
    await build({ entryPoints: ['src/main.ts'], outfile: main, format: 'esm', target: 'node22' });

    const result = await runCommand([oldNode, main, 'validate', 'x.yaml'], { allowFailure: true });

    expect(result.exitCode).toBe(2);
    expect(result.stderr).toBe(
      `pipeline needs Node.js 22.19 or newer; this is v${oldVersion}. Install a newer Node.js.\n`,
    );
  });
});
