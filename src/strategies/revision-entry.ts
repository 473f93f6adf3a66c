import { InputError } from '../base/errors.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { ReleaseResult } from './reconcile.ts';
import { configurationLabel, revisionOf, type ReleaseRecord, type RevisionRecord } from './release-record.ts';
import { containersOf, isWorkload, podTemplateOf, referenceOf } from './workload-objects.ts';

/** Who began a release. */
export type ReleaseOrigin = Pick<RevisionRecord, 'runId' | 'pipeline' | 'stage' | 'attempt' | 'who'>;

/** The result of this very attempt, when its runner died after the end and before it could tell. */
export function endedBefore(record: ReleaseRecord, by: ReleaseOrigin): ReleaseResult | undefined {
  const entry = record.history.at(-1);
  if (entry?.runId !== by.runId || entry.stage !== by.stage || entry.attempt !== by.attempt) return undefined;
  const { outcome, number: revision, reason } = entry;
  if (outcome === 'unfinished' || outcome === 'superseded' || outcome === 'adopted') return undefined;
  return {
    outcome,
    revision,
    ...(record.stable === undefined ? {} : { stable: record.stable }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Two stages of a run that release different things under one name would take each other's for old revisions. @throws InputError */
export function assertOwnName(
  { history }: ReleaseRecord,
  { application, by }: { application: string; by: ReleaseOrigin },
): void {
  const other = history.at(-1);
  if (other?.runId !== by.runId || other.stage === by.stage) return;
  throw new InputError(`stages ${other.stage} and ${by.stage} both release ${application}`, {
    hint: 'give each deploy stage an application name of its own: deploy.application',
  });
}

/** Whether the release that goes on was begun by the same stage of the same run. */
export function isSameRelease(record: ReleaseRecord, by: ReleaseOrigin): boolean {
  if (record.current === undefined) return false;
  const entry = revisionOf(record, record.current.revision);
  return entry.runId === by.runId && entry.stage === by.stage;
}

/** The record's entry of a revision that consists of these objects. */
export function entryOf(
  head: Pick<RevisionRecord, 'number' | 'outcome' | 'startedAt'>,
  objects: readonly KubernetesObject[],
  { by, strategy }: { by: ReleaseOrigin; strategy: { name: string } },
): RevisionRecord {
  const images = objects
    .flatMap((object) => containersOf(podTemplateOf(object)))
    .map((container) => [container.name, container.image ?? '']);
  return {
    ...head,
    ...by,
    strategy: strategy.name,
    images: Object.fromEntries(images) as Record<string, string>,
    workloads: objects.filter(isWorkload).map(({ kind, metadata }) => ({ kind, name: metadata.name })),
    configuration: objects
      .filter((object) => object.metadata.labels?.[configurationLabel] !== undefined)
      .map((object) => object.metadata.name),
    objects: objects.map(referenceOf),
  };
}

/** Whether one can go back to it. */
export function isServable(entry: RevisionRecord): boolean {
  return entry.outcome === 'released' || entry.outcome === 'adopted';
}

/** The newest released revision before the one that serves. */
export function previousRevision(record: ReleaseRecord): number | undefined {
  const stable = record.stable ?? 0;
  return record.history
    .filter((entry) => isServable(entry) && entry.number < stable)
    .map((entry) => entry.number)
    .at(-1);
}
