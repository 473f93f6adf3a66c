import { defined } from '../../base/defined.ts';
import { InputError } from '../../base/errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { ReleaseResult } from '../reconcile.ts';
import {
  configurationLabel,
  revisionOf,
  type ReleaseRecord,
  type ReleaseSettings,
  type RevisionRecord,
} from './release-record.ts';
import { containersOf, isWorkload, podTemplateOf, referenceOf } from '../../kubernetes/workload-objects.ts';

/** Who began a release. */
export type ReleaseOrigin = Pick<RevisionRecord, 'runId' | 'pipeline' | 'stage' | 'attempt' | 'who'>;

/** The result of this very attempt, when its runner died after the end and before it could report. */
export function endedBefore(record: ReleaseRecord, by: ReleaseOrigin): ReleaseResult | undefined {
  const entry = record.history.at(-1);
  if (entry?.runId !== by.runId || entry.stage !== by.stage || entry.attempt !== by.attempt) return undefined;
  const { outcome, number: revision, reason } = entry;
  if (outcome === 'unfinished' || outcome === 'superseded' || outcome === 'adopted') return undefined;
  return {
    outcome,
    revision,
    ...defined({ stable: record.stable, reason }),
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

/** Whether the release in progress was begun by the same stage of the same run. */
export function isSameRelease(record: ReleaseRecord, by: ReleaseOrigin): boolean {
  if (record.current === undefined) return false;
  const entry = revisionOf(record, record.current.revision);
  return entry.runId === by.runId && entry.stage === by.stage;
}

/** The record's entry of a revision that consists of these objects. */
export function entryOf(
  head: Pick<RevisionRecord, 'number' | 'outcome' | 'startedAt'>,
  objects: readonly KubernetesObject[],
  { by, strategy, settings }: { by: ReleaseOrigin; strategy: string; settings?: ReleaseSettings },
): RevisionRecord {
  const images = objects
    .flatMap((object) => containersOf(podTemplateOf(object)))
    .map((container) => [container.name, container.image ?? '']);
  return {
    ...head,
    ...by,
    strategy,
    ...defined({ settings }),
    images: Object.fromEntries(images) as Record<string, string>,
    workloads: objects.filter(isWorkload).map(({ kind, metadata }) => ({ kind, name: metadata.name })),
    configuration: objects
      .filter((object) => object.metadata.labels?.[configurationLabel] !== undefined)
      .map((object) => object.metadata.name),
    objects: objects.map(referenceOf),
  };
}

/** Why a revision that this run released is not rolled back; undefined: it can be. */
export function whyKept(
  record: ReleaseRecord,
  { revision, by }: { revision: number; by: ReleaseOrigin },
): string | undefined {
  const entry = record.history.find(({ number }) => number === revision);
  if (entry?.runId !== by.runId) return 'this run did not release it';
  if (record.current !== undefined) return 'another release of it is in progress';
  if (record.stable !== revision) return `revision ${String(record.stable)} is serving by now`;
  if (previousRevision(record) === undefined)
    return 'it was the first release, there is nothing to roll back to';
  return undefined;
}

/** Whether one can roll back to it. */
export function isServable(entry: RevisionRecord): boolean {
  return entry.outcome === 'released' || entry.outcome === 'adopted';
}

/** Whether a release ended with its own objects in place. */
export function isLeft({ outcome }: Pick<RevisionRecord, 'outcome'>): boolean {
  return outcome === 'failed' || outcome === 'halted';
}

/**
 * The revision that a person may have released again: the newest, where it does not serve.
 * @throws InputError when there is none
 */
export function retryTarget({
  application,
  current,
  history,
}: ReleaseRecord): RevisionRecord & { settings: ReleaseSettings } {
  const newest = history.at(-1);
  const none = `no release of ${application} is to be tried again`;
  if (current !== undefined)
    throw new InputError(`${none}: revision ${String(current.revision)} is in progress`, {
      hint: 'where its runner has died, resume continues it, and abort rolls it back',
    });
  if (newest?.settings === undefined || !retried.has(newest.outcome))
    throw new InputError(
      newest === undefined
        ? `${none}: it was never released`
        : `${none}: revision ${String(newest.number)} was ${newest.outcome}`,
      { hint: 'a release is tried again that was rolled back, was halted or failed' },
    );
  return { ...newest, settings: newest.settings };
}

/** Outcomes of a revision that may be released again though it has not served. */
const retried: ReadonlySet<RevisionRecord['outcome']> = new Set(['rolledBack', 'halted', 'failed']);

/** What a person rolls back to: what was released last, where a later revision was left in its place; else the one before. */
export function rollbackTarget(record: ReleaseRecord): number | undefined {
  const newest = record.history.at(-1);
  return newest !== undefined && isLeft(newest) ? record.stable : previousRevision(record);
}

/** The newest released revision before the one that serves. */
export function previousRevision(record: ReleaseRecord): number | undefined {
  const stable = record.stable ?? 0;
  return record.history
    .filter((entry) => isServable(entry) && entry.number < stable)
    .map((entry) => entry.number)
    .at(-1);
}
