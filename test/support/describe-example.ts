import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { defined } from '../../src/base/defined.ts';
import { e2eEnvironment } from './e2e-environment.ts';
import { endingPodsGone } from './ending-pods.ts';
import { makeExampleRepository, type Edit, type ExampleRepository } from './example-repository.ts';
import { findGateway } from './gateway.ts';
import { startLoad, type LoadClient } from './load-client.ts';
import { expectExit, runPipeline, type PipelineResult } from './pipeline-command.ts';
import { clusterArguments, ourObjects } from './runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from './runner-namespaces.ts';

/** One of `examples/`, and how its versions differ. */
export interface Example {
  name: string;
  /** The file that holds the version 1.0.0. */
  versionFile: string;
  /** How many tests its pipeline runs. */
  tests: number;
  /** What makes version 3 end at its start although its tests pass. */
  fault: { edits?: Edit[]; parameters?: string[] };
  /** Parameters of every run. */
  parameters?: string[];
  /** The application, where it is called otherwise than its folder. */
  application?: string;
  /** It is asked through a Gateway of the cluster, which its file names as that of the sandbox, as this host. */
  routed?: { file: string; host: string };
  /** Version 2 waits for `pipeline release promote`; each pause is answered so. */
  isPromoted?: boolean;
}

const minutes = 60_000;

/** Releases an example three times: version 1, version 2 under load, and on the sandbox a version 3 that is rolled back. */
export function describeExample(example: Example): void {
  describe(`examples/${example.name}`, () => releases(example));
}

function releases(example: Example): void {
  const { name: folder, application: name = folder, versionFile, tests, fault, isPromoted, routed } = example;
  const { parameters: own = [] } = example;
  const environment = e2eEnvironment();
  let namespaces: RunnerNamespaces;
  let repository: ExampleRepository;
  let load: LoadClient | undefined;
  let by: { url: string; host: string } | undefined;

  beforeAll(async () => {
    namespaces = await makeRunnerNamespaces(environment, name);
    repository = await makeExampleRepository(folder);
    if (routed !== undefined) by = await attach(routed);
  }, 2 * minutes);

  afterAll(async () => {
    await load?.stop();
    await repository.remove();
    await namespaces.remove();
  }, minutes);

  /** Lets the example's route be of a Gateway of this cluster. */
  async function attach({ file, host }: NonNullable<Example['routed']>) {
    const { parentRef, url } = await findGateway(namespaces.admin);
    const from = '    - name: sandbox\n      namespace: kube-system\n';
    const to = `    - name: ${parentRef.name}\n      namespace: ${parentRef.namespace}\n`;
    if (from !== to) await repository.commit('gateway', [{ file, from, to }]);
    return { url, host };
  }

  async function run(...parameters: string[]): Promise<PipelineResult> {
    const given = [
      `namespace=${namespaces.application}`,
      `registry=${environment.registry}/examples`,
      ...own,
      ...parameters,
    ];
    return runPipeline(
      [
        ...['run', 'app.yaml', ...clusterArguments(environment, namespaces)],
        ...given.flatMap((parameter) => ['--param', parameter]),
      ],
      { cwd: repository.directory, env: { KUBECONFIG: namespaces.kubeconfig }, timeoutMs: 4 * minutes },
    );
  }

  /** Answers each pause of the release by `promote` until the run is over; between them the command is refused. */
  async function promoteUntilOver(running: Promise<PipelineResult>): Promise<number> {
    const over = running.then(() => true as const);
    const given = ['release', 'promote', name, '--namespace', namespaces.application];
    for (let promoted = 0; ;) {
      const result = await runPipeline([...given, '--kubeconfig', namespaces.kubeconfig]);
      if (result.exitCode === 0) promoted += 1;
      if (await Promise.race([over, sleep(1000, false)])) return promoted;
    }
  }

  /** The image of the Deployment's one container. */
  async function deployedImage(): Promise<string> {
    const { admin, application } = namespaces;
    const path = 'jsonpath={.spec.template.spec.containers[0].image}';
    return admin.run(['get', 'deployment', name, '--namespace', application, '--output', path]);
  }

  it(
    'is checked out, built, tested, pushed, released by digest and verified',
    async () => {
      const result = await run();

      expectExit(result, 0);
      expect(result.stdout + result.stderr).toContain(`${tests} passed`);
      expect(await deployedImage()).toMatch(
        new RegExp(`^${environment.registry}/examples/${name}@sha256:[0-9a-f]{64}$`),
      );
    },
    5 * minutes,
  );

  it(
    'brings version 2 in without losing a request',
    async () => {
      const { admin, application, agents } = namespaces;
      const before = await deployedImage();
      await repository.commit('v2', [{ file: versionFile, from: '1.0.0', to: '2.0.0' }]);
      load = await startLoad({
        ...{ environment, admin, namespace: application },
        service: name,
        from: agents,
        ...defined({ by }),
      });

      const running = run();
      const promoted = isPromoted === true ? await promoteUntilOver(running) : 0;
      const result = await running;
      await endingPodsGone(namespaces.admin, namespaces.application);
      const seen = await load.stop();
      load = undefined;

      expectExit(result, 0);
      expect(promoted > 0).toBe(isPromoted === true);
      expect(seen).toMatchObject({ failures: 0, errors: [], last: '2.0.0' });
      expect(Object.keys(seen.versions).sort()).toEqual(['1.0.0', '2.0.0']);
      expect(await deployedImage()).not.toBe(before);
    },
    8 * minutes,
  );

  // The rollback of each strategy is tried on every cluster by tests of its own; of an example it proves little more.
  if (environment.cluster === 'sandbox')
    it(
      'rolls a version 3 that crashes back, with version 2 serving throughout',
      async () => {
        const { admin, application, agents } = namespaces;
        const before = await deployedImage();
        await repository.commit('v3', [
          { file: versionFile, from: '2.0.0', to: '3.0.0' },
          ...(fault.edits ?? []),
        ]);
        load = await startLoad({
          ...{ environment, admin, namespace: application },
          service: name,
          from: agents,
          ...defined({ by }),
        });

        const result = await run(...(fault.parameters ?? []));
        await endingPodsGone(namespaces.admin, namespaces.application);
        const seen = await load.stop();
        load = undefined;

        expectExit(result, 5);
        expect(result.stdout + result.stderr).toMatch(/rolled back/i);
        expect(seen).toMatchObject({ failures: 0, errors: [], last: '2.0.0' });
        expect(Object.keys(seen.versions)).toEqual(['2.0.0']);
        expect(await deployedImage()).toBe(before);
      },
      8 * minutes,
    );

  it(
    'leaves nothing of its runs in the namespace of the agents',
    async () => {
      expect(await ourObjects(namespaces.admin, namespaces.agents)).toEqual([]);
    },
    minutes,
  );
}
