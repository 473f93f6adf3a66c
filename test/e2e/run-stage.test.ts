import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { e2eEnvironment } from '../support/e2e-environment.ts';
import { freePort } from '../support/free-port.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder, type StageText } from '../support/pipeline-folder.ts';
import { clusterArguments } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { testImage } from '../support/scratch-namespace.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
const password = 'hunter2-but-longer';
let namespaces: RunnerNamespaces;
let folder: PipelineFolder;

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'stages');
  folder = await makePipelineFolder('stages');
});
afterAll(async () => {
  await folder.remove();
  await namespaces.remove();
});

async function run(
  stages: readonly StageText[],
  more: Record<string, unknown> = {},
  ...options: string[]
): Promise<PipelineResult> {
  const file = await folder.pipeline(stages, more);
  return runPipeline(
    [
      'run',
      file,
      ...clusterArguments(environment, namespaces),
      '--results',
      join(folder.path, 'results'),
      ...options,
    ],
    { env: { KUBECONFIG: namespaces.kubeconfig, PASSWORD: password }, timeoutMs: 240_000 },
  );
}

/** The lines that a stage's steps wrote. */
function linesOf(result: PipelineResult, stage: string): string[] {
  const prefix = `[${stage}] `;
  return result.stdout
    .split('\n')
    .filter((line) => line.startsWith(prefix) && !line.startsWith(`${prefix}== `))
    .map((line) => line.slice(prefix.length));
}

describe('a run stage', () => {
  it('finds its environment: the file’s, earlier stages’, its own, each winning over the one before', async () => {
    const result = await run(
      [
        {
          name: 'first',
          run: 'echo "COLOUR=green" >> "$SLIPWAY_ENV"; echo "SHAPE=round" >> "$SLIPWAY_ENV"; echo "version=1.2" >> "$SLIPWAY_OUTPUT"',
        },
        {
          name: 'second',
          env: { SHAPE: 'square', VERSION: '${{ stages.first.outputs.version }}' },
          run: 'echo "$COLOUR $SHAPE $SIZE $VERSION ci=$CI stage=$SLIPWAY_STAGE"; [ "$PWD" = "$SLIPWAY_WORKSPACE" ] && echo "in the workspace"; echo "$SLIPWAY_RUN"',
        },
      ],
      { env: { COLOUR: 'red', SIZE: 'large' } },
    );

    expectExit(result, 0);
    const [all, place, id] = linesOf(result, 'second');
    expect(all).toBe('green square large 1.2 ci=true stage=second');
    expect(place).toBe('in the workspace');
    expect(result.stdout).toContain(`run ${id!} of stages`);
  });

  it('takes parameters as data, whatever they hold', async () => {
    const evil = '$(touch ../pwned); `id` "quoted" \'single\' ${HOME} \\ end';

    const result = await run(
      [
        { name: 'say', env: { TEXT: '${{ params.text }}' }, run: 'printf "<%s>\\n" "$TEXT"' },
        { name: 'look', run: '[ ! -e ../pwned ] && echo "nothing ran"' },
      ],
      { parameters: { text: { type: 'string' } } },
      ...['--param', `text=${evil}`],
    );

    expectExit(result, 0);
    expect(linesOf(result, 'say')).toEqual([`<${evil}>`]);
    expect(linesOf(result, 'look')).toEqual(['nothing ran']);
  });

  it('works in its folder and in the shell that it names', async () => {
    const result = await run([
      { name: 'shebang', run: '#!/bin/cat\nthis text' },
      { name: 'prepare', run: 'mkdir -p "deep/er folder"' },
      { name: 'place', workingDirectory: 'deep/er folder', run: 'basename "$PWD"' },
      { name: 'strict', shell: 'sh -eu', run: 'echo before; echo "$NOT_SET"; echo after' },
    ]);

    expectExit(result, 1);
    expect(linesOf(result, 'shebang')).toEqual(['#!/bin/cat', 'this text']);
    expect(linesOf(result, 'place')).toEqual(['er folder']);
    expect(linesOf(result, 'strict')[0]).toBe('before');
    expect(result.stdout).not.toContain('[strict] after');
  });

  it('runs once for each value of its matrix, and a cell that fails stops no other', async () => {
    const result = await run([
      {
        name: 'test',
        matrix: { shard: [1, 2], os: ['linux', 'mac'] },
        run: 'echo "shard $SHARD on $OS"; [ "$SHARD-$OS" != 1-mac ]',
      },
      { name: 'after', run: 'echo never' },
    ]);

    expectExit(result, 1);
    for (const cell of ['1.linux', '1.mac', '2.linux', '2.mac'])
      expect(linesOf(result, `test.${cell}`)).toContain(`shard ${cell.replace('.', ' on ')}`);
    expect(result.stdout).toMatch(/\[test\.1\.mac\] == failed/);
    expect(result.stdout).toMatch(/\[test\.2\.mac\] == succeeded/);
    expect(result.stdout).not.toContain('never');
  });

  it('is skipped by its condition, may be allowed to fail, and finally knows how it went', async () => {
    const result = await run(
      [
        { name: 'skipped', when: 'params.target == "production"', run: 'echo never' },
        { name: 'shaky', allowFailure: true, run: 'exit 9' },
        { name: 'broken', run: 'exit 4' },
      ],
      {
        parameters: { target: { type: 'choice', options: ['staging', 'production'], default: 'staging' } },
        finally: [
          {
            name: 'tell',
            when: 'run.status != "succeeded"',
            env: { STATUS: '${{ run.status }}' },
            run: 'echo "it $STATUS"',
          },
        ],
      },
    );

    expectExit(result, 1);
    expect(result.stdout).not.toContain('never');
    expect(result.stdout).toMatch(/\[skipped\] == skipped/);
    expect(result.stdout).toMatch(/\[shaky\] == failed \(allowed\) in .*exit code 9/);
    expect(linesOf(result, 'tell')).toEqual(['it failed']);
  });

  it('is tried again as often as its retry says', async () => {
    const result = await run([
      {
        name: 'flaky',
        retry: { max: 2, on: ['failure'], backoff: '1s' },
        run: 'echo x >> tries; n=$(wc -l < tries); echo "try $((n))"; [ "$n" -ge 3 ]',
      },
    ]);

    expectExit(result, 0);
    expect(linesOf(result, 'flaky').filter((line) => line.startsWith('try '))).toEqual([
      'try 1',
      'try 2',
      'try 3',
    ]);
  });

  it('is stopped at its timeout, with all that it started', async () => {
    const result = await run(
      [{ name: 'slow', timeout: '3s', run: '(sleep 30; echo late) & sleep 31; echo "too late"' }],
      { finally: [{ name: 'wait', run: 'ps 2>/dev/null | grep "[s]leep 3[01]" || echo "nothing sleeps"' }] },
    );

    expectExit(result, 1);
    expect(result.stdout).toMatch(/\[slow\] == timed out in .*longer than 3 s/);
    expect(result.stdout).not.toContain('late');
    expect(result.durationMs).toBeLessThan(60_000);
  });
});

describe('secrets', () => {
  it('are masked when they are printed in two writes, in base64 and in a URL', async () => {
    const odd = 'p@ss/word+with:odd&characters';
    const { admin, agents } = namespaces;
    await admin.run([
      ...['create', 'secret', 'generic', 'odd', '--namespace', agents],
      `--from-literal=password=${odd}`,
    ]);

    const result = await run(
      [
        {
          name: 'leak',
          env: {
            ODD: { secret: 'odd', key: 'password' },
            TOKEN: { secret: 'token', key: 'value' },
            HALF: 'p@ss/word',
          },
          run: [
            'printf "%s" "${ODD%+with*}"; sleep 2; printf "%s\\n" "+with${ODD#*+with}"',
            'printf "%s" "$TOKEN" | base64',
            'echo "url p%40ss%2Fword%2Bwith%3Aodd%26characters"',
            'echo "length ${#ODD}"',
            'echo "$TOKEN" > token.txt',
            'echo "token=$TOKEN" >> "$SLIPWAY_OUTPUT"',
          ].join('\n'),
          artifacts: 'token.txt',
        },
      ],
      {
        secrets: { odd: { kubernetes: { name: 'odd' } }, token: { env: 'PASSWORD' } },
      },
      ...['--log-dir', join(folder.path, 'logs')],
    );

    expectExit(result, 0);
    const written = result.stdout + result.stderr + (await folder.read('logs', 'leak.log'));
    for (const form of [
      odd,
      '+with:odd',
      Buffer.from(password).toString('base64').slice(0, 20),
      'p%40ss',
      password,
    ])
      expect(written).not.toContain(form);
    expect(written).toContain(`length ${String(odd.length)}`);
    expect(written).toContain('output token holds a secret and is left out');
  });

  it('stand in no argument and no annotation of the pod', async () => {
    const result = await run(
      [
        {
          name: 'look',
          env: { TOKEN: { secret: 'token', key: 'value' } },
          // By what the shell can do itself: an argument of a further command would be found.
          run: [
            'for file in /proc/[0-9]*/cmdline; do',
            '  { words=$(tr "\\0" " " < "$file"); } 2>/dev/null || continue',
            '  case $words in *"$TOKEN"*) echo "found in $words" ;; esac',
            'done',
            'echo "looked at $$"',
          ].join('\n'),
        },
      ],
      { secrets: { token: { env: 'PASSWORD' } } },
      '--keep-agent',
    );
    const { admin, agents } = namespaces;
    const objects = await admin.run(['get', 'pods,configmaps', '--namespace', agents, '--output', 'json']);
    await admin.run(['delete', 'pods', '--all', '--namespace', agents, '--wait=false', '--grace-period=1']);

    expectExit(result, 0);
    expect(linesOf(result, 'look')).toEqual([expect.stringMatching(/^looked at \d+$/)]);
    expect(objects).not.toContain(password);
    expect(objects).not.toContain(Buffer.from(password).toString('base64'));
  });

  it('that are not there are told of all at once, with their places, before there is a pod', async () => {
    const result = await run(
      [
        { name: 'first', run: 'echo never' },
        {
          name: 'use',
          env: { A: { secret: 'gone', key: 'value' }, B: { secret: 'here', key: 'b' } },
          run: 'true',
        },
        { name: 'out', when: 'params.all', env: { C: { secret: 'unused' } }, run: 'true' },
        { name: 'end', env: { D: { secret: 'object', key: 'value' } }, run: 'true' },
      ],
      {
        parameters: { all: { type: 'boolean', default: false } },
        secrets: {
          gone: { env: 'NO_SUCH_VARIABLE' },
          here: { env: 'PASSWORD' },
          object: { file: join(folder.path, 'not-there') },
          unused: { env: 'NO_SUCH_VARIABLE_EITHER' },
        },
      },
    );

    expectExit(result, 2);
    expect(result.stderr).toMatch(
      /:\d+:\d+: secret gone: the environment variable NO_SUCH_VARIABLE is not set\n/,
    );
    expect(result.stderr).toMatch(/:\d+:\d+: the secret "here" has no key "b" \(it has: value\)\n/);
    expect(result.stderr).toMatch(/:\d+:\d+: secret object: the file .*not-there cannot be read/);
    expect(result.stderr).not.toContain('EITHER');
    expect(result.stdout).toBe('');
  });
});

describe('what a stage leaves', () => {
  const report = (name: string, failed: number) =>
    [
      `<testsuite name="${name}" tests="2" failures="${String(failed)}">`,
      `<testcase classname="${name}" name="adds" time="0.1"/>`,
      failed === 0
        ? `<testcase classname="${name}" name="divides" time="0.2"/>`
        : `<testcase classname="${name}" name="divides" time="0.2"><failure message="by zero">expected 1 &lt; 2</failure></testcase>`,
      '</testsuite>',
    ].join('');

  it('in tests is counted, shown and exported, and a failed test fails it whatever the script says', async () => {
    const stage = (name: string, failed: number): StageText => ({
      name,
      env: { REPORT: report(name, failed) },
      run: 'mkdir -p reports/deep; printf "%s" "$REPORT" > "reports/deep/$SLIPWAY_STAGE.xml"; exit 0',
      reports: { junit: 'reports/**/*.xml' },
      needs: [],
      workingDirectory: '.',
    });

    const result = await run([stage('good', 0), { ...stage('bad', 1), needs: ['good'] }]);

    expectExit(result, 1);
    expect(result.stdout).toMatch(/\[good\] .*2 passed/);
    expect(result.stdout).toMatch(/\[bad\] .*1 failed/);
    expect(result.stdout).toMatch(/divides.*\n?.*by zero/);
    expect(result.stdout).toMatch(/\[bad\] == failed in .*1 of \d tests failed/);
    const exported = await readdir(join(folder.path, 'results', 'reports', 'good'), { recursive: true });
    expect(exported.some((name) => name.endsWith('good.xml'))).toBe(true);
  });

  it('in files is brought to the results folder, byte for byte, and is missed when it is not there', async () => {
    const result = await run([
      {
        name: 'make',
        run: 'mkdir -p out/sub; printf "one\\000two" > out/a.bin; ln out/a.bin out/b.bin; echo deep > "out/sub/b c.txt"; echo no > out/c.log',
        artifacts: ['out/**/*.txt', 'out/*.bin', 'nothing/*.zip'],
      },
    ]);

    expectExit(result, 0);
    expect(await folder.read('results', 'artifacts', 'make', 'out', 'a.bin')).toBe('one\0two');
    expect(await folder.read('results', 'artifacts', 'make', 'out', 'sub', 'b c.txt')).toBe('deep\n');
    // A hard link is a file like others.
    expect(await folder.read('results', 'artifacts', 'make', 'out', 'b.bin')).toBe('one\0two');
    const top = await readdir(join(folder.path, 'results', 'artifacts', 'make', 'out'));
    expect(top.sort()).toEqual(['a.bin', 'b.bin', 'sub']);
  });

  it('in a cache is there for the next run, and for a key of its own alone', async () => {
    await makeClaim();
    const stages = (key: string): StageText[] => [
      {
        name: 'build',
        cache: { key, paths: ['deps'] },
        run: 'if [ -e deps/marker ]; then echo "found $(cat deps/marker)"; else echo "made anew"; mkdir -p deps; echo "$SLIPWAY_RUN" > deps/marker; fi',
      },
    ];
    const agent = { containers: { main: { image: testImage } }, cache: { claim: 'cache' } };

    const first = await run(stages('deps-1'), { agent });
    const second = await run(stages('deps-1'), { agent });
    const other = await run(stages('deps-2'), { agent });

    for (const result of [first, second, other]) expectExit(result, 0);
    const [, id = ''] = /run (\w+) of/.exec(first.stdout) ?? [];
    expect(linesOf(first, 'build')).toEqual([
      'cache deps-1: nothing saved yet',
      'made anew',
      'cache deps-1: saved',
    ]);
    expect(linesOf(second, 'build')).toEqual(['cache deps-1: restored', `found ${id}`]);
    expect(linesOf(other, 'build')).toContain('made anew');
  });

  it('in a cache without a claim is kept in the sandbox, and elsewhere is said to end with the run', async () => {
    const stage = {
      name: 'build',
      cache: { key: 'k', paths: ['deps'] },
      run: 'mkdir -p deps; ls deps; : >deps/x',
    };
    const agent = { containers: { main: { image: testImage } } };

    const first = await run([stage], { agent });
    expectExit(first, 0);

    if (environment.cluster === 'current') {
      expect(linesOf(first, 'build').at(-1)).toBe('cache k: saved for this run alone');
      expect(first.stderr).toContain('caches end with the run: agent.cache names no claim');
      return;
    }
    expect(linesOf(first, 'build').at(-1)).toBe('cache k: saved');
    expect(first.stderr).not.toContain('caches');
    const second = await run([stage], { agent });
    expectExit(second, 0);
    expect(linesOf(second, 'build')).toEqual(['cache k: restored', 'x']);
  });

  /** A claim with a volume for it where the cluster makes none by itself. */
  async function makeClaim(): Promise<void> {
    const { admin, agents } = namespaces;
    const volume = `${agents}-cache`;
    const size = { storage: '1Gi' };
    const accessModes = ['ReadWriteOnce'];
    if (environment.cluster === 'current') {
      const spec = {
        capacity: size,
        accessModes,
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace: agents, name: 'cache' },
        hostPath: { path: `/tmp/${volume}-${randomBytes(3).toString('hex')}`, type: 'DirectoryOrCreate' },
      };
      const object = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: volume }, spec };
      await admin.run(['create', '--filename', '-'], JSON.stringify(object));
    }
    const spec = {
      accessModes,
      resources: { requests: size },
      ...(environment.cluster === 'current' ? { storageClassName: '', volumeName: volume } : {}),
    };
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'cache', namespace: agents },
      spec,
    };
    await admin.run(['create', '--filename', '-'], JSON.stringify(claim));
  }

  afterAll(async () => {
    if (environment.cluster !== 'current') return;
    await namespaces.admin.try(['delete', 'persistentvolume', `${namespaces.agents}-cache`, '--wait=false']);
  });
});

describe('service containers', () => {
  const server = (port: number) =>
    `setTimeout(() => require("http").createServer((q, r) => r.end("from the service\\n")).listen(${String(port)}), 3000)`;

  it('are ready before the first step runs, and are reached on localhost', async () => {
    const port = await freePort();
    const image = environment.cluster === 'sandbox' ? 'node:24' : 'node:24-bookworm-slim';
    const agent = {
      containers: { main: { image } },
      services: {
        web: { image, command: ['node', '-e', server(port)], ready: { http: { port, path: '/' } } },
      },
    };

    const result = await run(
      [
        {
          name: 'ask',
          run: `node -e 'fetch("http://127.0.0.1:${String(port)}/").then((r) => r.text()).then((t) => process.stdout.write(t))'`,
        },
      ],
      { agent },
    );

    expectExit(result, 0);
    expect(linesOf(result, 'ask')).toEqual(['from the service']);
  });

  it('that end before they are ready fail the run as infrastructure, with their name', async () => {
    const agent = {
      containers: { main: { image: testImage } },
      services: {
        db: { image: testImage, command: ['sh', '-c', 'echo no space >&2; exit 5'], ready: { tcp: 5432 } },
      },
      startTimeout: '40s',
    };

    const result = await run([{ name: 'never', run: 'echo never' }], { agent });

    expectExit(result, 3);
    expect(result.stdout).toMatch(/db.*exit code 5/);
    expect(result.stdout).not.toContain('[never] never');
  });
});
