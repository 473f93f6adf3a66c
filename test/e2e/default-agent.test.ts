import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { join } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';

import { e2eEnvironment } from '../support/e2e-environment.ts';
import { makeExampleRepository, type ExampleRepository } from '../support/example-repository.ts';
import { expectExit, runPipeline } from '../support/pipeline-command.ts';
import { clusterArguments } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
let namespaces: RunnerNamespaces;
let repository: ExampleRepository;

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'default-agent');
  repository = await makeExampleRepository('quickstart');
});
afterAll(async () => {
  await repository.remove();
  await namespaces.remove();
});

/** What a file without an agent does in its pod, step by step. */
const stages = [
  { name: 'source', checkout: {} },
  {
    name: 'build',
    cache: { key: 'tools', paths: ['.tools'] },
    artifacts: 'out/*.txt',
    run: [
      'git status --porcelain',
      'mkdir -p .tools out && echo cached > .tools/x',
      'echo "user $(id -u)" && grep -E "^(NoNewPrivs|CapEff|CapBnd)" /proc/self/status',
      'touch "$HOME/mine" && echo "home is writable"',
      'echo built > out/app.txt && echo VERSION=1.2 >> "$SLIPWAY_OUTPUT" && echo COLOUR=red >> "$SLIPWAY_ENV"',
    ].join('\n'),
  },
  {
    name: 'test',
    env: { VERSION: '${{ stages.build.outputs.VERSION }}' },
    run: 'echo "$VERSION $COLOUR $(cat out/app.txt)"',
  },
];

describe('the default agent', () => {
  it('works without root, without capabilities and as the level restricted wants it', async () => {
    const { directory } = repository;
    const file = join(directory, 'default-agent.yaml');
    const head = { apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'default-agent' };
    await writeFile(file, stringify({ ...head, stages }));
    const args = ['run', file, '--keep-agent', '--results', join(directory, 'results')];

    const result = await runPipeline([...args, ...clusterArguments(environment, namespaces)], {
      env: { KUBECONFIG: namespaces.kubeconfig },
      timeoutMs: 240_000,
    });

    expectExit(result, 0);
    const shown = result.stdout + result.stderr;
    expect(shown).toMatch(/home is writable/);
    expect(shown).toMatch(/1\.2 red built/);
    expect(shown).not.toMatch(/securityContext/);
    expect(await readFile(await artifactOf(join(directory, 'results')), 'utf8')).toBe('built\n');
    const path = 'jsonpath={.items[0].spec.containers[0].securityContext}';
    const pod = await namespaces.admin.run([
      'get',
      'pods',
      '--namespace',
      namespaces.agents,
      '--output',
      path,
    ]);
    expect(JSON.parse(pod)).toEqual({
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    if (environment.cluster === 'sandbox') return; // its pods are processes of whoever runs it
    expect(shown).toMatch(/user 1000\b/);
    expect(shown).toMatch(/NoNewPrivs:\s*1\b/);
    expect(shown).toMatch(/CapEff:\s*0+\b/);
    expect(shown).toMatch(/CapBnd:\s*0+\b/);
  });
});

/** The one artifact below the folder of results. */
async function artifactOf(results: string): Promise<string> {
  const { glob } = await import('node:fs/promises');
  for await (const file of glob(join(results, '**', 'app.txt'))) return file;
  throw new Error(`no app.txt below ${results}`);
}
