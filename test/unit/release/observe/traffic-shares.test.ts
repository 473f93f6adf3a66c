import { describe, expect, it } from '@jest/globals';
import { incomplete } from '../../../../src/kubernetes/workload-state.ts';
import { withTraffic } from '../../../../src/release/observe/traffic-shares.ts';
import type { DeploymentHolding, Holding, SeenDeployment } from '../../../../src/strategies/holding.ts';
import type { ObservedWorkload } from '../../../../src/strategies/strategy.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const set = (name: string, hash: string) => ({ name, hash, wanted: 1, present: 1, ready: 1 });
const deployment: SeenDeployment = {
  ...{ reference, resourceVersion: '1', isObserved: true, desired: 2, fields: {} },
  sets: [set('web-old', 'old'), set('web-new', 'new')],
};
const track = (name: 'stable' | 'candidate', workload: string) => ({
  ...{ name, workload, image: 'web', desired: 1, ready: 1, weight: 50 },
});
const workloads: ObservedWorkload[] = [
  {
    ...incomplete(reference),
    problems: [],
    tracks: [track('stable', 'web-old'), track('candidate', 'web-new')],
  },
];

function holding(endpoints: Record<string, number>): Holding {
  return {
    deployment,
    active: { reference: service, resourceVersion: '1', selector: {}, endpoints },
    manifest: { deployment: reference, replicas: 2, fields: {}, service, selector: {} },
    previewName: 'web-preview',
    isPreviewTaken: false,
  };
}

const weights = (seen: DeploymentHolding | undefined, of = workloads) =>
  withTraffic(of, seen).flatMap(({ tracks }) => tracks.map(({ weight }) => weight));

describe('the traffic of the tracks of a release', () => {
  it.each([
    [{ old: 3 }, [100, 0]],
    [{ old: 1, new: 2 }, [33, 67]],
    [{ new: 1, other: 1 }, [0, 50]],
    [{}, [0, 0]],
  ])('is that of the ready endpoints of its Service: %p', (endpoints, expected) => {
    expect(weights(holding(endpoints))).toEqual(expected);
  });

  it('stays what the pods say of a ReplicaSet that is none of the Deployment', () => {
    const foreign = [{ ...workloads[0]!, tracks: [track('stable', 'api-1'), track('candidate', 'web-new')] }];

    expect(weights(holding({ old: 1 }), foreign)).toEqual([50, 0]);
  });

  it('stays what the pods say where the release moves none, or nothing is seen of it', () => {
    const { deployment: _, ...gone } = holding({ old: 3 });
    const { active: _active, ...unserved } = holding({ old: 3 });
    const { previewName: _name, isPreviewTaken: _taken, ...shared } = holding({ old: 3 });

    for (const seen of [undefined, gone, unserved, shared]) expect(weights(seen)).toEqual([50, 50]);
  });
});
