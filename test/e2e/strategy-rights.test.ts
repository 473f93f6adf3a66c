import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AnalysesByName } from '../../src/analysis/settings.ts';
import { defined } from '../../src/base/defined.ts';
import { startApiProxy, type ApiProxy } from '../chaos/proxy/api-proxy.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { expectExit, runPipeline } from '../support/pipeline-command.ts';
import { findGateway, webIngress, webRoute } from '../support/gateway.ts';
import { rbacRights, rbacText, rightOf, type RbacFile } from '../support/rbac-rules.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import type { ReleaseOrder } from './release-process.ts';
import { startRelease, webManifests } from './release-runner.ts';

const minutes = 60_000;

/** An apply that makes its object asks for this right, too; a request does not show it. */
const madeByApply = ['create configmaps', 'create deployments.apps', 'create services'];

/** A strategy with a Role of its own. */
interface Case {
  file: RbacFile;
  /** Of what it does besides. */
  more?: RbacFile;
  /** `deploy.strategy`, with a wait for a person or without. */
  strategy: (waits: boolean) => ReleaseOrder['settings']['strategy'];
  /** Rights that a release uses only when something goes wrong, or of which another version of Kubernetes needs others. */
  rare: string[];
  /** The manifests have this, too. */
  router?: 'httpRoute' | 'ingress';
}

const routerMadeByApply = {
  httpRoute: 'create httproutes.gateway.networking.k8s.io',
  ingress: 'create ingresses.networking.k8s.io',
} as const;

const cases: Case[] = [
  {
    file: 'blue-green.yaml',
    strategy: (waits) => ({ blueGreen: { autoPromote: !waits, scaleDownDelay: '1s' } }),
    rare: ['get pods/log', 'get endpoints', 'list endpointslices.discovery.k8s.io'],
  },
  {
    file: 'canary.yaml',
    strategy: (waits) => ({ canary: { steps: [{ weight: 50 }, { pause: waits ? true : '1s' }] } }),
    rare: ['get pods/log'],
  },
  {
    file: 'canary.yaml',
    more: 'analysis-jobs.yaml',
    strategy: (waits) => ({
      canary: { steps: [{ weight: 50 }, { analysis: 'smoke' }, { pause: waits ? true : '1s' }] },
    }),
    rare: ['get pods/log'],
  },
  ...(['httpRoute', 'ingress'] as const).map((router): Case => {
    const by = router === 'ingress' ? { ingress: { name: 'web' } } : { httpRoute: { name: 'web' } };
    return {
      file: router === 'ingress' ? 'canary-ingress.yaml' : 'canary-http-route.yaml',
      strategy: (waits) => ({
        canary: {
          traffic: { ...by, scaleDownDelay: '1s' },
          steps: [{ weight: 50 }, { pause: waits ? true : '1s' }],
        },
      }),
      rare: ['get pods/log', 'get endpoints', 'list endpointslices.discovery.k8s.io'],
      router,
    };
  }),
];

/** Of the case of Jobs alone. */
const analyses: AnalysesByName = {
  smoke: {
    job: {
      template: {
        spec: {
          containers: [{ name: 'smoke', image: 'node:24-bookworm-slim', command: ['node', '--eval', ''] }],
        },
      },
    },
    count: 1,
  },
};

const titled = cases.map((each) => ({ ...each, files: [each.file, each.more ?? []].flat().join(' and ') }));

describe.each(titled)('a runner with the rights of deploy/rbac/$files alone', (each) => {
  const { file, more, strategy, rare, router } = each;
  const files = more === undefined ? [file] : [file, more];
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let proxy: ApiProxy;
  let routed: string | undefined;
  const used = new Set<string>();
  const refused = new Set<string>();

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, `${(more ?? file).replace('.yaml', '')}-rights`);
    const { admin, agents, application } = place;
    if (environment.cluster === 'current') {
      for (const one of files) {
        const text = await rbacText(one, { ci: agents, shop: application });
        await admin.run(['apply', '--filename', '-'], text);
      }
      await admin.run(['delete', 'role,rolebinding', 'slipway-releases', '--namespace', application]);
    }
    const host = `${application}.test`;
    if (router === 'httpRoute') routed = `---\n${JSON.stringify(webRoute(await findGateway(admin), host))}`;
    if (router === 'ingress') routed = `---\n${JSON.stringify(webIngress(host))}`;
    const given = await rights();
    proxy = await startApiProxy(place.kubeconfig);
    // The sandbox has no authorization: the proxy does what an API server with this Role would.
    proxy.http.fate = ({ method, url }) => {
      const right = rightOf(method, url);
      if (right === undefined) return 'pass';
      used.add(right);
      if (given.includes(right)) return 'pass';
      refused.add(right);
      return 'forbid';
    };
  }, 2 * minutes);

  afterAll(async () => {
    await proxy.close();
    await place.remove();
  }, minutes);

  const rights = async () => (await Promise.all(files.map((one) => rbacRights(one)))).flat().sort();

  const release = (options: Parameters<typeof webManifests>[0], runId: string, waits = false) =>
    startRelease(webManifests({ replicas: 2, ...defined({ more: routed }), ...options }), {
      kubeconfig: proxy.kubeconfig,
      runId,
      namespace: place.application,
      settings: { prune: true, strategy: strategy(waits), ...defined({ analyses: more && analyses }) },
    });

  const command = async (name: string) => {
    const named = ['release', name, 'web', '--namespace', place.application];
    expectExit(await runPipeline([...named, '--kubeconfig', proxy.kubeconfig]), 0);
  };

  it(
    'releases, is promoted, fails and rolls back, and needs each of them',
    async () => {
      expect(await (await release({ version: '1' }, 'run-1')).result()).toMatchObject({
        outcome: 'succeeded',
      });
      const second = await release({ version: '2' }, 'run-2', true);
      await second.saw('the wait for a person', ({ phase }) => phase === 'waiting');
      expect([...refused]).toEqual([]);
      await command('promote');
      expect(await second.result()).toMatchObject({ outcome: 'succeeded' });
      const bad = await release({ version: '3', fault: 'crash' }, 'run-3');
      expect(await bad.result()).toMatchObject({ outcome: 'rolledBack' });
      await command('rollback');

      expect([...refused]).toEqual([]);
      const made = router === undefined ? madeByApply : [...madeByApply, routerMadeByApply[router]];
      expect([...new Set([...used, ...made, ...rare])].sort()).toEqual(await rights());
    },
    4 * minutes,
  );
});
