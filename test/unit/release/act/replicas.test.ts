import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { decideReplicas } from '../../../../src/release/act/replicas.ts';

const policy = { replicas: {}, autoscaled: new Set<string>() };

function deployment(replicas?: number, manager?: string): Workload {
  const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
  const managedFields = manager === undefined ? undefined : [{ manager, fieldsV1 }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', ...defined({ managedFields }) },
    spec: replicas === undefined ? {} : { replicas },
  };
}

describe('decideReplicas of a manifest without spec.replicas', () => {
  it('keeps the live count that Slipway itself applied: leaving the field out would reset it to 1', () => {
    expect(decideReplicas(deployment(), deployment(5, 'slipway'), policy)).toEqual({
      type: 'keep',
      replicas: 5,
      setBy: undefined,
    });
  });

  it.each(['kubectl', undefined])('leaves the count to its owner (%s)', (manager) => {
    expect(decideReplicas(deployment(), deployment(5, manager), policy)).toEqual({ type: 'manifest' });
  });
});
