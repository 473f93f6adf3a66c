import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { canaryParts, canaryRefusals } from '../../../../src/strategies/canary/parts.ts';
import { canarySettings, type CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import { canarySteps } from '../../../../src/strategies/canary/steps.ts';

const metadata = { name: 'web', namespace: 'shop' };
const deployment: KubernetesObject & { spec: object } = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
  spec: { replicas: 1, template: { metadata: { labels: { app: 'web' } } } },
};
const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'web' } } };
const route = (backend: string) => ({
  ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata },
  spec: { rules: [{ backendRefs: [{ name: backend }] }] },
});
const ingress = (backend: string) => ({
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata },
  spec: { rules: [{ http: { paths: [{ backend: { service: { name: backend } } }] } }] },
});
const byRoute: CanarySettings = { traffic: { httpRoute: { name: 'web' } } };
const byIngress: CanarySettings = { traffic: { ingress: { name: 'web' } } };

describe('what a canary release by a router holds', () => {
  it('is the Deployment, its Service, that of the new pods, and the router', () => {
    const testerHeader = { name: 'x', value: 'y' };
    const traffic = { ...byRoute.traffic, testerHeader };
    expect(canaryParts([deployment, service], { traffic })).toEqual({
      ...{ deployment, service, previewName: 'web-canary' },
      router: { kind: 'HTTPRoute', name: 'web', tester: testerHeader },
    });
    expect(canaryParts([deployment, service], byIngress)?.router).toEqual({ kind: 'Ingress', name: 'web' });
    const named = { httpRoute: { name: 'web' }, service: 'web', candidateService: 'web-next' };
    const other = { ...service, metadata: { ...metadata, name: 'other' } };
    expect(canaryParts([deployment, other, service], { traffic: named })).toMatchObject({
      service,
      previewName: 'web-next',
    });
  });

  it('is nothing without a Deployment, or a Service', () => {
    expect(canaryParts([service], byRoute)).toBeUndefined();
    expect(canaryParts([deployment], byRoute)).toBeUndefined();
  });
});

describe('what a canary release by a router refuses', () => {
  const refusals = (objects: KubernetesObject[], settings = byRoute) =>
    canaryRefusals(objects, settings).map(({ object, field, message, hint }) => ({
      kind: object?.kind,
      field,
      message,
      hint,
    }));

  it('is nothing where the route sends traffic to the Service, or comes from elsewhere, of one pod, too', () => {
    expect(refusals([deployment, service, route('web')])).toEqual([]);
    expect(refusals([deployment, service])).toEqual([]);
    expect(refusals([deployment, service, ingress('web')], byIngress)).toEqual([]);
    // Another route, and another kind of that name.
    const other = { ...route('other'), metadata: { ...metadata, name: 'other' } };
    expect(refusals([deployment, service, other, ingress('other')])).toEqual([]);
  });

  it.each([
    ['HTTPRoute', route('other'), byRoute],
    ['HTTPRoute', { ...route('other'), spec: {} }, byRoute],
    ['Ingress', ingress('other'), byIngress],
  ])('is the %s among the objects that sends it nothing', (kind, router, settings) => {
    expect(refusals([deployment, service, router], settings)).toEqual([
      {
        ...{ kind, field: 'spec.rules' },
        message: `canary cannot share out the traffic of ${kind} shop/web: it sends nothing to Service web`,
        hint: 'let a rule of it have Service web as a backend',
      },
    ]);
  });

  it('is what its Services say, by the names of its settings', () => {
    expect(refusals([deployment])).toMatchObject([
      { message: expect.stringMatching(/^no Service of the manifests selects/) },
    ]);
    const candidate = { ...service, metadata: { ...metadata, name: 'web-canary' }, spec: {} };
    expect(refusals([deployment, service, candidate])).toMatchObject([
      { hint: 'take it out of the manifests, or give strategy.canary.traffic.candidateService another name' },
    ]);
    const second = { ...service, metadata: { ...metadata, name: 'second' } };
    expect(refusals([deployment, service, second])).toMatchObject([
      { hint: 'name the one whose traffic moves: strategy.canary.traffic.service' },
    ]);
    expect(refusals([service])).toMatchObject([
      { message: 'canary releases a Deployment, and the manifests have none' },
    ]);
  });
});

describe('the settings of a canary release by a router', () => {
  const problems = (settings: object) => {
    const parsed = canarySettings.safeParse(settings);
    return parsed.success
      ? []
      : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  };

  it('may have weights that fall, and 0', () => {
    expect(problems({ ...byRoute, steps: [{ weight: 0 }, { weight: 50 }, { weight: 10 }] })).toEqual([]);
    expect(problems({ steps: [{ weight: 50 }, { weight: 10 }] })).toEqual([
      'steps: must rise: each weight and number of replicas above the one before it (with "traffic" weights may fall)',
    ]);
    expect(problems({ steps: [{ weight: 0 }] })).toHaveLength(1);
  });

  it('must name one router', () => {
    const one = 'traffic: must have either httpRoute or ingress';
    expect(problems({ traffic: {} })).toEqual([one]);
    expect(problems({ traffic: { ...byRoute.traffic, ...byIngress.traffic } })).toEqual([one]);
  });

  it('name things as Kubernetes and HTTP do', () => {
    for (const name of ['Web', 'a_b', '-a', 'a-', ''])
      expect(problems({ traffic: { httpRoute: { name } } })).toHaveLength(1);
    const withHeader = (name: string, value = 'y') =>
      problems({ traffic: { ...byRoute.traffic, testerHeader: { name, value } } });
    expect(withHeader('x-tester')).toEqual([]);
    expect(withHeader('x tester')).toHaveLength(1);
    expect(withHeader('x', '')).toHaveLength(1);
  });
});

describe('the steps that a plan shows of a canary release by a router', () => {
  it.each([
    [byRoute, 'HTTPRoute web'],
    [byIngress, 'Ingress web'],
  ])('name the router', (settings, name) => {
    const steps = canarySteps(
      { stable: 3, rollback: 'auto' },
      { ...settings, steps: [{ replicas: 1 }, { weight: 20 }, { pause: true }] },
    );
    expect(steps).toEqual([
      'if no pod changes: apply the objects, and no more',
      'pause the Deployment, and pin the Service to the old pods',
      'apply the objects with the Deployment held: the first new pods start beside the old ones and get a Service of their own',
      'replicas 1',
      `weight 20 % of ${name}, when as many new pods as carry it are ready`,
      'pause until promote',
      `all traffic to as many new pods as there are old ones; then the Service selects them, and ${name} is as it was`,
      'after scaleDownDelay let the Deployment go: the old pods end, and the Service selects as its manifest says',
      'on failure send the traffic back, remove the new pods and apply revision 3',
      'remove what the new revision no longer has (prune) and configuration that no kept revision uses',
    ]);
    expect(canarySteps({ stable: 3, rollback: 'never' }, settings)).toContain(
      'on failure stop and leave everything as it is (rollback: never)',
    );
  });
});
