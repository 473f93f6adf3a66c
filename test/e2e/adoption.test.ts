import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad, type LoadClient } from '../support/load-client.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { waitFor } from '../support/wait-for.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;

interface Deployment {
  metadata: { managedFields: { manager: string; operation: string; fieldsV1: object }[] };
  spec: object;
  status?: { availableReplicas?: number };
}

/** Who owns what; the controller that writes the status says so by the minute. */
const managersOf = ({ metadata }: Deployment) =>
  metadata.managedFields
    .filter(({ manager }) => manager.startsWith('kubectl') || manager === 'slipway')
    .map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fieldsV1 }));

describe('the first release of a Deployment that was made by hand, under load', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let load: LoadClient | undefined;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'adoption');
    const { admin, application: namespace } = place;
    await admin.run(
      ['apply', '--namespace', namespace, '--filename', '-'],
      webManifests({ version: 'hand' }),
    );
    await waitFor('the pods that were made by hand', async () => {
      return (await deployment()).status?.availableReplicas === 3 ? true : undefined;
    });
  }, 3 * minutes);

  afterEach(async () => {
    await load?.stop();
    load = undefined;
  }, minutes);

  afterAll(async () => {
    await place.remove();
  }, minutes);

  const deployment = () =>
    place.admin.json<Deployment>([
      ...['get', 'deployment', 'web', '--namespace', place.application, '--show-managed-fields'],
    ]);

  const release = async (options: WebOptions, runId: string) => {
    const order = {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings: {},
    };
    return (await startRelease(webManifests(options), order)).result();
  };

  /** Releases while clients ask, until the pods of before, which keep their connections while they drain, are gone. */
  const releasedUnderLoad = async (options: WebOptions, runId: string) => {
    const { admin, application: namespace } = place;
    load = await startLoad({ environment, admin, namespace, service: 'web', from: place.agents });
    const result = await release(options, runId);
    await endingPodsGone(admin, namespace);
    const seen = await load.stop();
    load = undefined;
    return { result, seen };
  };

  it(
    'rolls back to what was made by hand when the new version crashes, without losing a request',
    async () => {
      const before = await deployment();
      const { result, seen } = await releasedUnderLoad({ version: '1', fault: 'crash' }, 'run-1');
      const after = await deployment();

      expect(result).toMatchObject({ outcome: 'rolledBack' });
      expect(result.message).toMatch(/revision 1 is serving: .*exit code 3/);
      expect(seen).toMatchObject({ failures: 0, errors: [], versions: { hand: seen.requests } });
      expect(after.spec).toEqual(before.spec);
      expect(managersOf(after)).toEqual(managersOf(before));
    },
    3 * minutes,
  );

  it(
    'releases a version that works without losing a request',
    async () => {
      const { result, seen } = await releasedUnderLoad({ version: '2' }, 'run-2');

      expect(result).toMatchObject({ outcome: 'succeeded' });
      expect(seen).toMatchObject({ failures: 0, errors: [], last: '2' });
    },
    3 * minutes,
  );
});
