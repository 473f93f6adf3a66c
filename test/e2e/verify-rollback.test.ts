import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { makeCommandBench, type CommandBench } from '../support/command-bench.ts';
import { expectExit } from '../support/pipeline-command.ts';
import { webManifests } from './release-runner.ts';

const minutes = 60_000;
let bench: CommandBench;

beforeAll(async () => {
  bench = await makeCommandBench('verify-rollback');
}, 2 * minutes);
afterEach(() => bench.expectNothingLeft());
afterAll(() => bench.remove(), minutes);

it(
  'a version that starts and does not pass its verification is rolled back where verify.onFailure says so',
  async () => {
    const { application: namespace, admin } = bench.namespaces;
    const deliver = (version: string) =>
      bench.run([
        {
          name: 'write',
          env: { TEXT: webManifests({ version, replicas: 1 }) },
          run: 'printf "%s" "$TEXT" > web.yaml',
        },
        { name: 'deploy', deploy: { manifests: 'web.yaml', namespace, strategy: { rolling: {} } } },
        {
          name: 'smoke',
          verify: {
            http: { url: `http://web.${namespace}/`, expect: { body: '"version":"good"' } },
            onFailure: 'rollback',
          },
        },
      ]);
    expectExit(await deliver('good'), 0);

    const result = await deliver('bad');

    expectExit(result, 5);
    expect(result.stdout).toMatch(
      /\[smoke\] == rolled back .*revision 2 of \S+ was rolled back; revision 1 is serving/,
    );
    const { data } = await servedConfiguration();
    expect(data.version).toBe('good');

    /** The ConfigMap that the Deployment's pods read. */
    async function servedConfiguration() {
      const web = await admin.json<{
        spec: {
          template: {
            spec: { containers: { env: { valueFrom: { configMapKeyRef: { name: string } } }[] }[] };
          };
        };
      }>(['get', 'deployment', 'web', '--namespace', namespace]);
      const name = web.spec.template.spec.containers[0]?.env[0]?.valueFrom.configMapKeyRef.name ?? '';
      return admin.json<{ data: { version: string } }>(['get', 'configmap', name, '--namespace', namespace]);
    }
  },
  4 * minutes,
);
