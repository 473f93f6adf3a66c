import { createHash } from 'node:crypto';
import { podTemplateOf } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { applicationLabel, migrationLabel } from '../../release/record/release-record.ts';
import { suffixLength } from '../../release/migration.ts';
import { isJob } from './migration-faults.ts';
import { isConfiguration, renameReferences } from './version-configuration.ts';

/** What a migration is made from. */
export interface MigrationRequest {
  /** The objects of its file, each with its namespace and labels. */
  objects: readonly KubernetesObject[];
  /** Those of the release. */
  released: readonly KubernetesObject[];
  application: string;
  /** Ends the names of what is made for this release alone, see {@link migrationSuffix}. */
  suffix: string;
  timeoutMs: number;
}

/** Letters that a name has before the suffix: a Job's name is a label of its pods. */
const longestName = 63 - 1 - suffixLength;

/** A suffix of its own for each release: the same in every runner of one, another after a `retry`. */
export function migrationSuffix(by: { runId: string; stage: string; attempt: number }): string {
  const text = JSON.stringify([by.runId, by.stage, by.attempt]);
  return createHash('sha256').update(text).digest('hex').slice(0, suffixLength);
}

/** The suffix in a plan, where no release has one yet. */
export const plannedSuffix = 'x'.repeat(suffixLength);

/**
 * The objects of a migration as they are made, the Job last: the Job and copies of the ConfigMaps and Secrets that its pods
 * use, of its file or else of the manifests of the release, all under names of this release. ServiceAccounts keep their
 * names, by which others know them.
 */
export function prepareMigration(request: MigrationRequest): {
  objects: KubernetesObject[];
  unused: string[];
} {
  const { objects, released, application, suffix, timeoutMs } = request;
  const job = structuredClone(objects.find(isJob));
  if (job === undefined) return { objects: [], unused: [] };
  const { namespace } = job.metadata;
  const near = (object: KubernetesObject) =>
    isConfiguration(object) && object.metadata.namespace === namespace;
  const own = objects.filter(near);
  const known = new Map(
    [...released.filter(near), ...own].map((object) => [keyOf(object.kind, object.metadata.name), object]),
  );
  const used = new Map<string, KubernetesObject>();
  const copied = (kind: string, name: string): string | undefined => {
    const original = known.get(keyOf(kind, name));
    if (original === undefined) return undefined;
    const copy = renamed(original, suffix);
    used.set(keyOf(kind, name), copy);
    return copy.metadata.name;
  };
  const template = podTemplateOf(job);
  renameReferences(template?.spec, copied);
  renamePullSecrets(template?.spec['imagePullSecrets'], copied);
  return {
    objects: [
      ...objects.filter(({ kind }) => kind === 'ServiceAccount'),
      ...used.values(),
      limited(renamed(job, suffix), { application, timeoutMs }),
    ],
    unused: own
      .filter(({ kind, metadata }) => !used.has(keyOf(kind, metadata.name)))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`),
  };
}

function renamePullSecrets(list: unknown, copied: (kind: string, name: string) => string | undefined): void {
  if (!Array.isArray(list)) return;
  for (const item of list as ({ name?: unknown } | null)[]) {
    if (typeof item?.name === 'string') item.name = copied('Secret', item.name) ?? item.name;
  }
}

function renamed(object: KubernetesObject, suffix: string): KubernetesObject {
  const { name, labels } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      name: `${name.slice(0, longestName).replace(/[^A-Za-z0-9]+$/, '')}-${suffix}`,
      labels: { ...labels, [migrationLabel]: labelOf(name) },
    },
  };
}

/** A name as the value of a label. */
function labelOf(name: string): string {
  return name.slice(0, 63).replace(/[^A-Za-z0-9]+$/, '');
}

/** The Job ends also without a runner, and stays until the next one has seen how: it may not be run twice. */
function limited(
  job: KubernetesObject,
  { application, timeoutMs }: { application: string; timeoutMs: number },
): KubernetesObject {
  const { ttlSecondsAfterFinished: _, ...spec } = job['spec'] as Record<string, unknown>;
  const { activeDeadlineSeconds: own = Infinity, template } = spec as {
    activeDeadlineSeconds?: number;
    template: { metadata?: { labels?: Record<string, string> } };
  };
  const labels = {
    ...template.metadata?.labels,
    [applicationLabel]: application,
    [migrationLabel]: job.metadata.labels?.[migrationLabel] ?? '',
  };
  return {
    ...job,
    spec: {
      ...spec,
      activeDeadlineSeconds: Math.min(own, Math.ceil(timeoutMs / 1000)),
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

function keyOf(kind: string, name: string): string {
  return `${kind}/${name}`;
}
