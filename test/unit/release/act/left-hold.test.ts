import { describe, expect, it } from '@jest/globals';
import { holdAnnotation } from '../../../../src/kubernetes/hold-mark.ts';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { assertNotHeld } from '../../../../src/release/act/left-hold.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
const since = '2026-01-01T00:00:00Z';
const mark = { revision: 2, step: 'waiting', since, end: '', before: {} };
const annotations = { [holdAnnotation]: JSON.stringify(mark) };
const { minReadySeconds } = heldFields;

function object(kind: string, spec: object, metadata: object = {}, apiVersion = 'v1'): KubernetesObject {
  return { apiVersion, kind, metadata: { name: 'web', namespace: 'shop', ...metadata }, spec };
}

const deployment = (spec: object, metadata: object = {}, kind = 'Deployment') =>
  object(kind, spec, metadata, 'apps/v1');
const marked = (spec: object) => deployment(spec, { annotations });
const pinned = { selector: { app: 'web', 'pod-template-hash': 'a' } };
const service = object('Service', { selector: { app: 'web' } });
const configMap = object('ConfigMap', {});

/** Of a release of these kinds, when this is there. */
async function look(...live: KubernetesObject[]) {
  const cluster = new FakeCluster();
  for (const each of live) cluster.put(each);
  const objects = [configMap, service, deployment({})];
  return assertNotHeld(objects, { cluster, application: 'web' }, options);
}

describe('a release by a strategy that holds nothing', () => {
  it.each([
    ['is paused', [marked({ paused: true })]],
    ['is held', [marked({ minReadySeconds })]],
    ['has its Service pinned, though it is held no more', [marked({}), object('Service', pinned)]],
  ])('is refused while the Deployment of an earlier one %s', async (_, live) => {
    await expect(look(...live)).rejects.toMatchObject({
      fault: 'input',
      message: `Deployment shop/web is held since ${since} by revision 2 (waiting)`,
      hint: 'end that first: pipeline release rollback web; or release once with the strategy that holds it',
    });
  });

  it.each([
    ['nothing is there', []],
    ['no release has marked the Deployment, whoever has paused it', [deployment({ paused: true })]],
    ['its Service is pinned by another', [deployment({}), object('Service', pinned)]],
    ['`kubectl rollout undo` has brought the mark back alone', [marked({ paused: false })]],
    ['its Service chooses all pods', [marked({}), service]],
    ['its Service chooses no pods', [marked({}), object('Service', {})]],
  ])('goes on where %s', async (_, live) => {
    await expect(look(...live)).resolves.toBeUndefined();
  });

  it('asks for no objects of other kinds', async () => {
    const cluster = new FakeCluster();
    const others = [
      deployment({ paused: true }, { annotations }, 'StatefulSet'),
      object('ReplicationController', pinned),
      object('Service', pinned, {}, 'serving.knative.dev/v1'),
    ];
    for (const each of [marked({}), ...others]) cluster.put(each);
    cluster.calls.length = 0;

    await assertNotHeld([...others, marked({})], { cluster, application: 'web' }, options);

    expect(cluster.calls).toEqual(['get Deployment/web']);
  });
});
