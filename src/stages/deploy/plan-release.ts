import { messageOf } from '../../base/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { ObjectReference } from '../../ports/kubernetes-object.ts';
import { superfluous } from '../../strategies/clean-up.ts';
import { ReleaseStore } from '../../strategies/release-store.ts';
import { strategyOf } from '../../strategies/registry.ts';
import { referenceOf } from '../../strategies/workload-objects.ts';
import { difference, type FieldChange } from './difference.ts';
import type { ManifestFile } from './parse-manifests.ts';
import { rehearse, type Rehearsed } from './preflight.ts';
import { prepareRelease } from './prepare.ts';
import type { PushedImage } from './set-images.ts';
import type { DeploySettings } from './settings.ts';

/** What a release would do with one object. */
export interface ObjectChange {
  reference: ObjectReference;
  /** `refused`: the API would not take it. */
  change: 'created' | 'changed' | 'unchanged' | 'pruned' | 'refused';
  /** For `changed`; the values of Secrets are hidden. */
  fields: readonly FieldChange[];
  /** Why it is refused. */
  reason?: string;
}

/** What a release would do. */
export interface ReleasePlan {
  application: string;
  namespace: string;
  /** The revision that serves now. */
  stable?: number;
  objects: readonly ObjectChange[];
  /** What the strategy will do, in order. */
  steps: readonly string[];
  warnings: readonly string[];
}

/** What a plan is made from. */
export interface PlanRequest {
  cluster: Cluster;
  clock: Clock;
  files: readonly ManifestFile[];
  settings: DeploySettings;
  application: string;
  namespace: string;
  /** Images that the run would deploy, where they are known. */
  pushed?: readonly PushedImage[];
}

/**
 * Finds what a release would change, by a server-side dry run of every object; changes nothing.
 * @throws InputError when the manifests are wrong
 */
export async function planRelease(request: PlanRequest, options: CallOptions): Promise<ReleasePlan> {
  const { cluster, settings, application, namespace } = request;
  const prepared = await prepareRelease({ ...request, pushed: request.pushed ?? [] }, cluster, options);
  const stored = await new ReleaseStore(cluster, application, namespace).load(options);
  const stable = stored?.record.stable;
  const replicas = stored?.record.replicas ?? {};
  const rehearsed = await rehearse(
    prepared,
    { ...request, force: settings.force ?? false, replicas },
    options,
  );
  const objects = rehearsed.map(changeOf);
  if (settings.prune === true && stored !== undefined) {
    const wanted = { objects: prepared.objects.map(referenceOf) };
    for (const reference of superfluous(stored.record, wanted)) {
      const live = await cluster.get(reference, options);
      if (live !== undefined) objects.push({ reference, change: 'pruned', fields: [] });
    }
  }
  return {
    application,
    namespace,
    ...(stable === undefined ? {} : { stable }),
    objects,
    steps: strategyOf('rolling').steps({
      rollback: settings.rollback ?? 'auto',
      ...(stable === undefined ? {} : { stable }),
    }),
    warnings: prepared.warnings,
  };
}

function changeOf({ object, live, after, error }: Rehearsed): ObjectChange {
  const reference = referenceOf(object);
  if (error !== undefined) return { reference, change: 'refused', fields: [], reason: messageOf(error) };
  if (live === undefined) return { reference, change: 'created', fields: [] };
  const fields = difference(live, after ?? object);
  return { reference, change: fields.length === 0 ? 'unchanged' : 'changed', fields };
}
