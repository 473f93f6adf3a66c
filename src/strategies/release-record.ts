import * as z from '../base/zod.ts';
import { InternalError, SlipwayError } from '../base/errors.ts';
import type { ReleaseState } from './strategy.ts';

const reference = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  namespace: z.exactOptional(z.string()),
});

const revision = z.object({
  number: z.int(),
  /** `adopted`: it was there before the first release. `superseded`: a newer release began before this one ended. */
  outcome: z.enum(['unfinished', 'released', 'rolledBack', 'failed', 'halted', 'superseded', 'adopted']),
  strategy: z.string(),
  runId: z.string(),
  pipeline: z.string(),
  stage: z.string(),
  /** Attempt of the stage, from 1. */
  attempt: z.int(),
  /** Who released it: a person or a robot, as far as the runner knows. */
  who: z.string(),
  startedAt: z.number(),
  finishedAt: z.exactOptional(z.number()),
  /** Container name to image. */
  images: z.record(z.string(), z.string()),
  workloads: z.array(z.object({ kind: z.string(), name: z.string(), revision: z.exactOptional(z.string()) })),
  /** Names of the ConfigMaps and Secrets that are this revision's own. */
  configuration: z.array(z.string()),
  /** Every object of the revision. */
  objects: z.array(reference),
  /** Set when it is the objects of an earlier revision again. */
  rollbackOf: z.exactOptional(z.int()),
  reason: z.exactOptional(z.string()),
});

const state = z.object({
  revision: z.int(),
  strategy: z.object({ name: z.literal('rolling'), restartLimit: z.number() }),
  phase: z.string(),
  phaseStartedAt: z.number(),
  timeoutMs: z.number(),
  rollback: z.enum(['auto', 'never']),
  stable: z.exactOptional(z.int()),
  reason: z.exactOptional(z.string()),
  generations: z.record(z.string(), z.number()),
  prune: z.boolean(),
  force: z.boolean(),
  /** The action that was begun last and not yet seen to its end. */
  intent: z.exactOptional(z.string()),
});

const record = z.object({
  formatVersion: z.literal(1),
  application: z.string(),
  namespace: z.string(),
  /** The revision that serves: the last one that was released. */
  stable: z.exactOptional(z.int()),
  /** The release that goes on; missing when none does. */
  current: z.exactOptional(state),
  /** Oldest first, at most {@link historyLimit} and whatever `stable` and `current` need. */
  history: z.array(revision),
  /** `spec.replicas` that was applied last, by workload key; a different live count was set by somebody else. */
  replicas: z.record(z.string(), z.number()),
});

/** One release of an application, ended or going on. */
export type RevisionRecord = z.infer<typeof revision>;

/** A release that goes on. */
export type CurrentRelease = z.infer<typeof state> & ReleaseState;

/** What the cluster keeps of an application's releases: ConfigMap `slipway-release-<application>`. */
export type ReleaseRecord = z.infer<typeof record>;

/** Revisions that are kept to go back to. */
export const historyLimit = 10;

/** Ownership label of everything a release applies. */
export const applicationLabel = 'slipway.dev/application';

/** Label of a ConfigMap or Secret that belongs to one revision; its value is the name in the manifest. */
export const configurationLabel = 'slipway.dev/configuration';

/** The record cannot be read, or is of a newer Slipway. */
export class ReleaseRecordError extends SlipwayError {
  readonly code = 'release-record';
  readonly fault = 'infrastructure';
}

/** Name of the record's ConfigMap and of the Lease. */
export function recordName(application: string): string {
  return `slipway-release-${application}`;
}

/** Name of the ConfigMap (and Secret) that holds a revision's objects. */
export function revisionName(application: string, number: number): string {
  return `${recordName(application)}.${String(number)}`;
}

/** A record before the first release. */
export function emptyRecord(application: string, namespace: string): ReleaseRecord {
  return { formatVersion: 1, application, namespace, history: [], replicas: {} };
}

/**
 * Reads a record's text.
 * @throws ReleaseRecordError when it is not one of ours, or of a newer version
 */
export function parseRecord(text: string | undefined, application: string): ReleaseRecord {
  const name = recordName(application);
  const hint = `look at it with: kubectl get configmap ${name} -o yaml`;
  let data: unknown;
  try {
    data = JSON.parse(text ?? '');
  } catch (cause) {
    throw new ReleaseRecordError(`ConfigMap ${name} holds no release record`, { cause, hint });
  }
  const version = (data as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > 1) {
    throw new ReleaseRecordError(
      `ConfigMap ${name} was written by a newer Slipway (format ${String(version)})`,
      {
        hint: 'update Slipway on this machine',
      },
    );
  }
  const parsed = record.safeParse(data);
  if (!parsed.success) {
    throw new ReleaseRecordError(`ConfigMap ${name} is not a release record`, { cause: parsed.error, hint });
  }
  return parsed.data;
}

/** The revision's entry. */
export function revisionOf(record: ReleaseRecord, number: number): RevisionRecord {
  const found = record.history.find((entry) => entry.number === number);
  if (found === undefined) throw new InternalError(`revision ${String(number)} is not in the release record`);
  return found;
}

/** The number that the next revision gets. */
export function nextRevision(record: ReleaseRecord): number {
  return 1 + Math.max(0, ...record.history.map((entry) => entry.number));
}

/** The record with one revision's entry changed. */
export function withRevision(
  record: ReleaseRecord,
  number: number,
  change: Partial<RevisionRecord>,
): ReleaseRecord {
  return {
    ...record,
    history: record.history.map((entry) => (entry.number === number ? { ...entry, ...change } : entry)),
  };
}

/** The record without revisions beyond the limit; the stable one and the current one stay. */
export function trimmed(record: ReleaseRecord): ReleaseRecord {
  const newest = record.history.slice(-historyLimit);
  const needed = [record.stable, record.current?.revision, record.current?.stable];
  return {
    ...record,
    history: record.history.filter((entry) => newest.includes(entry) || needed.includes(entry.number)),
  };
}
