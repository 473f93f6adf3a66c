import { describe, expect, it } from '@jest/globals';

import { neededRights } from '../../../src/app/access-questions.ts';
import { rbacRights, rightText } from '../../support/rbac-rules.ts';

/** Beyond what each release needs: for kinds that an application may or may not have, with what is done to them. */
const manifestRights: Record<string, string> = {
  namespaces: 'get',
  'deployments.apps': 'delete',
  'replicasets.apps': 'create patch delete',
  pods: 'create patch delete',
  services: 'delete',
  'horizontalpodautoscalers.autoscaling': 'create get patch delete',
  'pods/portforward': 'create get',
  'endpointslices.discovery.k8s.io': 'list',
  endpoints: 'get',
  secrets: 'create get list patch delete',
  persistentvolumeclaims: 'create get patch delete',
  serviceaccounts: 'create get patch delete',
  'statefulsets.apps': 'create get list watch patch delete',
  'daemonsets.apps': 'create get list watch patch delete',
  'jobs.batch': 'create get list watch patch delete',
  'cronjobs.batch': 'create get patch delete',
  'ingresses.networking.k8s.io': 'create get patch delete',
  'networkpolicies.networking.k8s.io': 'create get patch delete',
  'httproutes.gateway.networking.k8s.io': 'create get patch delete',
  'poddisruptionbudgets.policy': 'create get patch delete',
};

function asked(namespace: string): string[] {
  return neededRights('ci', ['shop'])
    .filter((right) => right.namespace === namespace)
    .map(rightText);
}

describe('the rights that doctor asks for', () => {
  it('are all that deploy/rbac gives in the namespace of the agents', async () => {
    expect(asked('ci').sort()).toEqual(await rbacRights('agent-namespace.yaml'));
  });

  it('are with those of the kinds of manifests all that deploy/rbac gives in the namespace of an application', async () => {
    const more = Object.entries(manifestRights).flatMap(([path, verbs]) =>
      verbs.split(' ').map((verb) => `${verb} ${path}`),
    );

    expect([...asked('shop'), ...more].sort()).toEqual(await rbacRights('application-namespace.yaml'));
  });

  it.each(['blue-green.yaml', 'canary.yaml', 'canary-http-route.yaml', 'canary-ingress.yaml'] as const)(
    'of %s alone are fewer than those of an application',
    async (file) => {
      const all = await rbacRights('application-namespace.yaml');
      const few = await rbacRights(file);

      expect(few.filter((right) => !all.includes(right))).toEqual([]);
      expect(few.length).toBeLessThan(all.length / 2);
    },
  );

  it('let a runner start a program in no pod of an application, and impersonate or bind nothing', async () => {
    const given = [
      ...(await rbacRights('application-namespace.yaml')),
      ...(await rbacRights('create-namespaces.yaml')),
    ];

    expect(
      given.filter((right) => /exec|attach|ephemeral|\*|impersonate|bind|escalate|token/.test(right)),
    ).toEqual([]);
  });
});
