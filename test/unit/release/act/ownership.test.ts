import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isFields } from '../../../../src/base/fields.ts';
import { defined } from '../../../../src/base/defined.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { fieldsOf, managersOf, withFields } from '../../../../src/kubernetes/field-set.ts';
import { decideOwnership, restoredManagers, writtenFields } from '../../../../src/release/act/ownership.ts';
import { predictedPatch } from '../../../../src/release/act/predict-apply.ts';
import { trackUpdate, type Writer } from '../../../../src/sandbox/api/managed-fields.ts';
import { applyConfiguration } from '../../../../src/sandbox/api/server-side-apply.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

type Fields = Record<string, unknown>;

const writer = (manager: string): Writer => ({
  ...{ manager, apiVersion: 'apps/v1', subresource: '', time: '2026-01-01T00:00:00Z' },
});

function deployment(spec: Fields, annotations?: Record<string, string>): KubernetesObject {
  const metadata = { name: 'web', ...defined({ annotations }) };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
}

const containers = (...list: Fields[]): Fields => ({ template: { spec: { containers: list } } });
const web = (env: Record<string, string>, more: Fields = {}): Fields => ({
  name: 'web',
  env: Object.entries(env).map(([name, value]) => ({ name, value })),
  ...more,
});

/** As a client without server-side apply writes an object. */
function written(object: KubernetesObject, manager: string, before?: KubernetesObject): KubernetesObject {
  const after = structuredClone(object);
  after.metadata['managedFields'] = before?.metadata['managedFields'];
  trackUpdate(before as StoredObject | undefined, after as StoredObject, writer(manager), true);
  return after;
}

/** As `kubectl apply` writes it: with what it was given. */
function kubectlApplied(object: KubernetesObject): KubernetesObject {
  const last = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
  const annotations = { ...object.metadata.annotations, ...last };
  return written({ ...object, metadata: { ...object.metadata, annotations } }, 'kubectl-client-side-apply');
}

interface Before {
  earlier?: readonly KubernetesObject[];
  force?: boolean;
}

function decide(
  manifest: KubernetesObject,
  live: KubernetesObject,
  { earlier = [], force = false }: Before = {},
) {
  return decideOwnership({ manifest, live, earlier, force, nowMs: 0 });
}

/** The object after a release: owned anew, then applied without force. */
function released(manifest: KubernetesObject, live: KubernetesObject, before: Before = {}): KubernetesObject {
  const { managedFields, contested } = decide(manifest, live, before);
  expect(contested).toEqual([]);
  const owned = structuredClone(live);
  if (managedFields !== undefined) owned.metadata['managedFields'] = managedFields;
  const options = { writer: writer('slipway'), force: false, isBuiltIn: true };
  return applyConfiguration(
    owned as StoredObject,
    structuredClone(manifest),
    options,
  ) as unknown as KubernetesObject;
}

/** RFC 7396 */
function mergePatched(value: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged = isFields(value) ? { ...value } : {};
  for (const [name, part] of Object.entries(patch)) {
    if (part === null) Reflect.deleteProperty(merged, name);
    else merged[name] = mergePatched(merged[name], part);
  }
  return merged;
}

const specOf = (object: KubernetesObject) => object['spec'] as Fields;

describe('the owner of a field', () => {
  it('that kubectl apply wrote is Slipway: what another manifest has no more goes', () => {
    const first = deployment({
      minReadySeconds: 3,
      ...containers(web({ A: '1', B: '2' }), { name: 'side' }),
    });

    const after = released(deployment(containers(web({ A: '2' }))), kubectlApplied(first));

    expect(specOf(after)).toEqual(containers(web({ A: '2' })));
    expect(after.metadata.annotations).toHaveProperty(['kubectl.kubernetes.io/last-applied-configuration']);
  });

  it.each(['kubectl-create', 'helm', 'kubectl-replace'])('that %s wrote is Slipway', (manager) => {
    const first = deployment(containers(web({ A: '1', B: '2' })));

    const after = released(deployment(containers(web({ A: '1' }))), written(first, manager));

    expect(specOf(after)).toEqual(containers(web({ A: '1' })));
  });

  it('that a client edited is Slipway where manifests said it, and stays where none did', () => {
    const first = deployment({
      minReadySeconds: 3,
      ...containers(web({ A: '1', B: '2' }), { name: 'side' }),
    });
    const live = released(first, kubectlApplied(first));
    const byHand = {
      ...containers(web({ A: 'x', B: 'y', C: 'z' }), { name: 'side', image: 'x' }),
      minReadySeconds: 9,
    };
    const edited = written(deployment(byHand, live.metadata.annotations), 'kubectl-edit', live);

    const after = released(deployment(containers(web({ A: '1' }))), edited, { earlier: [first] });

    expect(specOf(after)).toEqual(containers(web({ A: '1', C: 'z' })));
  });

  it('that a client edited is Slipway where kubectl apply was given it before', () => {
    const live = kubectlApplied(deployment({ minReadySeconds: 3 }));
    const byHand = { minReadySeconds: 9, progressDeadlineSeconds: 9 };
    const edited = written(deployment(byHand, live.metadata.annotations), 'kubectl-edit', live);

    const after = released(deployment({ replicas: 1 }), edited);

    expect(specOf(after)).toEqual({ replicas: 1, progressDeadlineSeconds: 9 });
  });

  it('that nobody has changed is left as it is', () => {
    const first = deployment(containers(web({ A: '1' })));
    const live = released(first, kubectlApplied(first));

    expect(decide(first, live).managedFields).toBeUndefined();
  });

  it('of replicas and of the status stays with whom it is', () => {
    const first = { ...deployment({ replicas: 3, ...containers(web({})) }), status: { replicas: 3 } };

    const { managedFields = [] } = decide(deployment(containers(web({}))), written(first, 'kubectl-create'));

    const kept = managedFields.find(({ manager }) => manager === 'kubectl-create')!;
    expect(kept.fieldsV1).toEqual({
      'f:spec': { 'f:replicas': {} },
      'f:status': { '.': {}, 'f:replicas': {} },
    });
  });

  it('that applies itself yields by force alone, also what the manifest has no more', () => {
    const first = deployment(containers(web({ A: '1', B: '2' })));
    const options = { writer: writer('argocd'), force: true, isBuiltIn: true };
    const before = released(first, kubectlApplied(first)) as StoredObject;
    const live = applyConfiguration(before, first, options) as unknown as KubernetesObject;
    const next = deployment(containers(web({ A: '2' })));

    const { contested } = decide(next, live, { earlier: [first] });

    expect(contested.map(({ manager, fields }) => [manager, fields.length])).toEqual([['argocd', 4]]);
    expect(specOf(released(next, live, { earlier: [first], force: true }))).toEqual(
      containers(web({ A: '2' })),
    );
  });

  it('of a default that the new type of strategy forbids is Slipway, so that it goes', () => {
    const first = deployment({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } });

    const after = released(deployment({ strategy: { type: 'Recreate' } }), first);

    expect(specOf(after)).toEqual({ strategy: { type: 'Recreate' } });
  });

  it('of what clients wrote takes none that the API and its controllers keep with it', () => {
    const first = kubectlApplied(deployment({ replicas: 3, minReadySeconds: 3 }, { mine: 'yes' }));
    const { annotations } = first.metadata;
    const kept = { ...annotations, 'deployment.kubernetes.io/revision': '1' };
    const live = written(
      { ...first, metadata: { ...first.metadata, annotations: kept } },
      'kube-controller-manager',
      first,
    );

    expect(withFields(live, writtenFields(live))).toEqual({
      metadata: { annotations: { mine: 'yes' } },
      spec: { minReadySeconds: 3 },
    });
  });

  it('of what a controller writes with the status is no client’s', () => {
    const first = kubectlApplied(deployment({ minReadySeconds: 3 }));
    const byController = { 'f:metadata': { 'f:annotations': { 'f:progress': {} } } };
    const entry = { manager: 'controller', operation: 'Update', fieldsType: 'FieldsV1' } as const;
    const managedFields = [...managersOf(first), { ...entry, subresource: 'status', fieldsV1: byController }];
    const annotations = { ...first.metadata.annotations, progress: '3 of 4' };
    const live = { ...first, metadata: { ...first.metadata, annotations, managedFields } };

    expect(withFields(live, writtenFields(live))).toEqual({ spec: { minReadySeconds: 3 } });
    const { managedFields: owners = [] } = decide(deployment({ minReadySeconds: 4 }), live);
    expect(owners).toContainEqual(managedFields.at(-1));
  });

  it('is who it was before, when Slipway has gone back to what was adopted', () => {
    const before = kubectlApplied(deployment(containers(web({ A: '1', B: '2' }))));
    const after = released(deployment(containers(web({ A: '2' }))), before);

    const restored = restoredManagers(managersOf(before), after);

    expect(restored).toEqual(managersOf(before));
  });
});

describe('the dry run of an apply', () => {
  const unset = { nil: undefined };
  const spec = fc
    .record({
      env: fc.uniqueArray(fc.constantFrom('A', 'B', 'C')),
      sides: fc.uniqueArray(fc.constantFrom('one', 'two')),
      minReadySeconds: fc.option(fc.nat(2), unset),
      runAsUser: fc.option(fc.nat(2), unset),
      drop: fc.option(fc.constant(['ALL']), unset),
    })
    .map(({ env, sides, minReadySeconds, runAsUser, drop }) => {
      const variables = web(Object.fromEntries(env.map((name) => [name, String(env.length)])));
      const capabilities = drop && { drop };
      const securityContext =
        (runAsUser ?? drop) === undefined ? undefined : defined({ runAsUser, capabilities });
      const first = { ...(env.length === 0 ? { name: 'web' } : variables), ...defined({ securityContext }) };
      const others = sides.map((name) => ({ name, args: sides }));
      return { ...defined({ minReadySeconds }), ...containers(first, ...others) };
    });
  const origins: Record<string, (object: KubernetesObject) => KubernetesObject> = {
    create: (object) => written(object, 'kubectl-create'),
    apply: kubectlApplied,
    releaseAndEdit: (object) => {
      const live = released(object, written(deployment({}), 'kubectl-create'));
      const edited = { ...specOf(live), minReadySeconds: 7 };
      return written({ ...live, spec: edited }, 'kubectl-edit', live);
    },
  };

  it('tells what applying will do', () => {
    fc.assert(
      fc.property(spec, spec, fc.constantFrom(...Object.keys(origins)), (before, after, origin) => {
        const live = origins[origin]!(deployment(before));
        const manifest = deployment(after);

        const patch = predictedPatch(live, manifest, decide(manifest, live).dropped);

        const merged = mergePatched(live, patch) as KubernetesObject;
        expect(specOf(merged)).toEqual(specOf(released(manifest, live)));
      }),
    );
  });

  it('replaces what is owned as one, and keeps items that others have', () => {
    const live = written(
      deployment({ selector: { matchLabels: { a: '1' } }, ...containers(web({ A: '1' })) }),
      'x',
    );
    const manifest = deployment({ selector: { matchLabels: { b: '1' } }, ...containers({ name: 'new' }) });

    expect(predictedPatch(live, manifest, new Set())).toEqual({
      spec: {
        selector: { matchLabels: { a: null, b: '1' } },
        ...containers({ name: 'new' }, web({ A: '1' })),
      },
    });
  });
});

describe('a set of fields', () => {
  it('takes these fields of an object, with the keys of items', () => {
    const object = deployment(containers(web({ A: '1' }, { image: 'x' }), { name: 'side' }));
    const fields = {
      'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': { 'f:image': {} } } } } },
    };

    expect(withFields(object, fieldsOf({ fieldsV1: fields }))).toEqual({
      spec: containers({ name: 'web', image: 'x' }),
    });
  });
});
