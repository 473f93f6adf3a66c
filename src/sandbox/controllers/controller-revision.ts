import type { StoredObject } from '../store/objects.ts';
import type { ControllerContext } from './controller.ts';
import { controllerRefTo, keyOf } from './ownership.ts';
import { hashOf } from './template-hash.ts';
import type { PodTemplate } from './workload-types.ts';

/** The label by which pods of StatefulSets and DaemonSets tell their template. */
export const REVISION_HASH = 'controller-revision-hash';

type ControllerRevision = StoredObject & { revision: number; data: { spec: { template: PodTemplate } } };
type Owner = StoredObject<{ template: PodTemplate; revisionHistoryLimit?: number }> & {
  spec: { template: PodTemplate; revisionHistoryLimit?: number };
};

/** A template that a StatefulSet or DaemonSet has or had. */
export interface TemplateRevision {
  /** The value of {@link REVISION_HASH}: for StatefulSets the revision's name, for DaemonSets the hash alone. */
  label: string;
  template: PodTemplate;
}

/**
 * Keeps a ControllerRevision for each template of a StatefulSet or DaemonSet, so that `kubectl rollout history|undo`
 * work, and returns them, the current template's first.
 */
export function syncRevisions(
  { objects }: ControllerContext,
  owner: Owner,
): [TemplateRevision, ...TemplateRevision[]] {
  const { namespace, name, uid } = owner.metadata;
  const where = namespace === undefined ? {} : { namespace };
  const { template, revisionHistoryLimit = 10 } = owner.spec;
  const hash = hashOf(template);
  const known = objects
    .list<ControllerRevision>('ControllerRevision', { ...where, ownerUid: uid })
    .sort((left, right) => right.revision - left.revision);
  const latest = known[0]?.revision ?? 0;
  let current = known.find(({ metadata }) => metadata.name === `${name}-${hash}`);
  const older = known.filter((revision) => revision !== current);
  if (current === undefined) {
    current = objects.create<ControllerRevision>({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${name}-${hash}`,
        ...where,
        labels: { ...template.metadata?.labels, [REVISION_HASH]: hash },
        ownerReferences: [controllerRefTo(owner)],
      },
      // kubectl rollout undo sends this as a strategic merge patch: the template is to be replaced, not merged.
      data: { spec: { template: { ...template, $patch: 'replace' } as PodTemplate } },
      revision: latest + 1,
    });
  } else if (current.revision !== latest) {
    objects.modify<ControllerRevision>(keyOf(current), (stored) => {
      stored.revision = latest + 1;
    });
  }
  for (const surplus of older.slice(revisionHistoryLimit)) objects.delete(keyOf(surplus));
  const labelOf = ({ metadata }: ControllerRevision): string =>
    owner.kind === 'StatefulSet' ? metadata.name : metadata.name.slice(name.length + 1);
  return [
    { label: labelOf(current), template },
    ...older.map((revision) => ({ label: labelOf(revision), template: templateOf(revision) })),
  ];
}

function templateOf({ data }: ControllerRevision): PodTemplate {
  const { $patch: _patch, ...template } = data.spec.template as PodTemplate & { $patch?: string };
  return template;
}
