import type { StoredObject } from '../store/objects.ts';
import type { Inventory } from './inventory.ts';
import { controllerRefTo, remove, type Action } from './plan.ts';
import { hashOf } from './template-hash.ts';
import type { DaemonSet, PodTemplate, StatefulSet } from './workload-types.ts';

/** The label by which pods of StatefulSets and DaemonSets tell their template. */
export const revisionHashLabel = 'controller-revision-hash';

type ControllerRevision = StoredObject & { revision: number; data: { spec: { template: PodTemplate } } };

/** A template that a StatefulSet or DaemonSet has or had. */
export interface TemplateRevision {
  /** The value of {@link revisionHashLabel}: for StatefulSets the revision's name, for DaemonSets the hash alone. */
  label: string;
  template: PodTemplate;
}

/**
 * Keeps a ControllerRevision for each template of a StatefulSet or DaemonSet, so that `kubectl rollout history|undo`
 * work, and returns them, the current template's first.
 */
export function planRevisions(
  owner: StatefulSet | DaemonSet,
  cluster: Inventory,
): { actions: Action[]; revisions: [TemplateRevision, ...TemplateRevision[]] } {
  const { namespace = 'default', name, uid } = owner.metadata;
  const { template, revisionHistoryLimit = 10 } = owner.spec;
  const hash = hashOf(template);
  const known = cluster
    .list<ControllerRevision>('ControllerRevision', { namespace, ownerUid: uid })
    .sort((left, right) => right.revision - left.revision);
  const latest = known[0]?.revision ?? 0;
  const current = known.find(({ metadata }) => metadata.name === `${name}-${hash}`);
  const older = known.filter((revision) => revision !== current);
  const actions = older.slice(revisionHistoryLimit).map(remove);
  if (current === undefined) {
    const metadata = {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...template.metadata?.labels, [revisionHashLabel]: hash },
      ownerReferences: [controllerRefTo(owner)],
    };
    // kubectl rollout undo sends this as a strategic merge patch: the template is to be replaced, not merged.
    const data = { spec: { template: { ...template, $patch: 'replace' } } };
    const identity = { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata };
    actions.unshift({ act: 'create', object: { ...identity, data, revision: latest + 1 } });
  } else if (current.revision !== latest) {
    const change = (stored: ControllerRevision): void => void (stored.revision = latest + 1);
    actions.unshift({ act: 'change', object: current, change });
  }
  const labelOf = (revision: string): string =>
    owner.kind === 'StatefulSet' ? `${name}-${revision}` : revision;
  const earlier = older.map(({ metadata, data }) => {
    const { $patch: _patch, ...rest } = data.spec.template as PodTemplate & { $patch?: string };
    return { label: labelOf(metadata.name.slice(name.length + 1)), template: rest };
  });
  return { actions, revisions: [{ label: labelOf(hash), template }, ...earlier] };
}
