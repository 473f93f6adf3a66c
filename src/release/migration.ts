import type { CallOptions } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { Migration } from '../strategies/migration/with-migration.ts';
import { referenceOf } from '../kubernetes/workload-objects.ts';
import { migrationLabel, ReleaseRecordError, type RevisionRecord } from './record/release-record.ts';
import type { ReleaseStore } from './record/release-store.ts';

/** A Job that must complete before anything else of a release is changed. */
export interface ReleaseMigration extends Migration {
  /** What is made for the Job, in this order, the Job itself last; all in the namespace of the release. */
  objects: readonly KubernetesObject[];
}

/** Letters that end the names of a migration's objects: the same in every runner of one release, others in the next. */
export const suffixLength = 10;

/**
 * The migration of a revision for another release of the same objects, which must run it again, under names of its own.
 * @returns undefined where it had none
 * @throws ReleaseRecordError when its objects are gone
 */
export async function migrationAgain(
  { number, migration }: Pick<RevisionRecord, 'number' | 'migration'>,
  store: ReleaseStore,
  options: CallOptions,
): Promise<ReleaseMigration | undefined> {
  if (migration === undefined) return undefined;
  const kept = await store.loadMigration(number, options);
  if (kept === undefined)
    throw new ReleaseRecordError(`the objects of the migration of revision ${String(number)} are gone`, {
      hint: 'release it from its manifests instead',
    });
  const before = migration.job.name.slice(-suffixLength);
  const after = crypto.randomUUID().replaceAll('-', '').slice(0, suffixLength);
  const objects = kept.objects.map((object) => renamed(object, before, after));
  const job = objects.find(({ kind }) => kind === 'Job');
  return {
    objects,
    job: job === undefined ? migration.job : referenceOf(job),
    timeoutMs: migration.timeoutMs,
  };
}

/** An object with another suffix; of a Job, also in the names that its pods refer to. */
function renamed(object: KubernetesObject, before: string, after: string): KubernetesObject {
  const { name, labels } = object.metadata;
  if (labels?.[migrationLabel] === undefined) return object;
  const metadata = { ...object.metadata, name: `${name.slice(0, -suffixLength)}${after}` };
  if (object.kind !== 'Job') return { ...object, metadata };
  const spec = JSON.parse(JSON.stringify(object['spec']).replaceAll(`-${before}"`, `-${after}"`)) as object;
  return { ...object, metadata, spec };
}
