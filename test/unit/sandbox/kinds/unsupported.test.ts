import { describe, expect, it } from '@jest/globals';
import { warningsOfIgnoredFields } from '../../../../src/sandbox/kinds/unsupported.ts';

const deployment = (spec: object): Record<string, unknown> => ({ spec: { template: { spec } } });

describe('what the sandbox stores and passes over', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'Deployment',
      deployment({ priorityClassName: 'high' }),
      'spec.template.spec.priorityClassName: pods have no priorities',
    ],
    [
      'Deployment',
      deployment({ containers: [{}, { securityContext: { runAsUser: 1000 } }] }),
      'spec.template.spec.containers[1].securityContext.runAsUser: pods are processes of the user who runs the sandbox',
    ],
    [
      'Pod',
      { spec: { containers: [{ securityContext: { capabilities: { add: ['CHOWN'] } } }] } },
      'spec.containers[0].securityContext.capabilities.add: pods are processes of the user',
    ],
    ['Pod', { spec: { volumes: [{ name: 'data', nfs: {} }] } }, 'spec.volumes[0]: it knows emptyDir'],
    ['Job', { spec: { completionMode: 'Indexed' } }, 'spec.completionMode: pods get no index'],
    ['Service', { spec: { type: 'LoadBalancer' } }, 'spec.type: there is no load balancer'],
  ])('is told for a %s: %j', (kind, object, message) => {
    expect(warningsOfIgnoredFields(kind, object)).toEqual([
      expect.stringContaining(`the sandbox ignores ${message}`),
    ]);
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'Deployment',
      deployment({
        containers: [{ securityContext: { runAsNonRoot: true, capabilities: { drop: ['ALL'] } } }],
        securityContext: { fsGroup: 1000 },
        schedulerName: 'default-scheduler',
      }),
    ],
    ['Job', { spec: { completionMode: 'NonIndexed' } }],
    ['Service', { spec: { type: 'ClusterIP', sessionAffinity: 'None' } }],
    ['Pod', { spec: { volumes: [{ name: 'data', emptyDir: {} }], hostPID: false } }],
    [
      'Deployment',
      deployment({
        volumes: [{ $retainKeys: ['configMap', 'name'], emptyDir: null, configMap: {}, name: 'v' }],
      }),
    ],
    ['ConfigMap', { data: { priorityClassName: 'high' } }],
  ])('says nothing of a usual %s: %j', (kind, object) => {
    expect(warningsOfIgnoredFields(kind, object)).toEqual([]);
  });
});
