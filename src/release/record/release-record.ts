import * as z from '../../base/zod.ts';
import { sample } from '../../analysis/sample.ts';
import { analysisSettings } from '../../analysis/settings.ts';
import { InputError, InternalError, SlipwayError } from '../../base/errors.ts';
import { upgradeRecord } from './upgrade-record.ts';

const reference = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  namespace: z.exactOptional(z.string()),
});

/** How a revision is released. */
const settings = z.object({
  /** What stood below the strategy's name; the strategy itself reads it. */
  strategy: z.record(z.string(), z.unknown()),
  /** Milliseconds that a phase may take. */
  timeoutMs: z.number(),
  rollback: z.enum(['auto', 'never']),
  prune: z.boolean(),
  force: z.boolean(),
  /** Released revisions before the one that serves whose pods come back without pauses and analyses. */
  rollbackWindow: z.exactOptional(z.int()),
  /** The analyses that the strategy may name. */
  analyses: z.exactOptional(z.record(z.string(), analysisSettings)),
});

/** What analyses have measured, by the moment and the analysis. */
const samples = z.record(z.string(), z.array(sample));

const revision = z.object({
  number: z.int(),
  /** `adopted`: it was there before the first release. `superseded`: a newer release began before this one ended. */
  outcome: z.enum(['unfinished', 'released', 'rolledBack', 'failed', 'halted', 'superseded', 'adopted']),
  /** Name of the strategy. */
  strategy: z.string(),
  /** Missing for what was adopted, and in revisions that ended under a version before. */
  settings: z.exactOptional(settings),
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
  /** The Job that had to complete before anything else of it was changed. */
  migration: z.exactOptional(z.object({ job: reference, timeoutMs: z.number() })),
  /** Set when it is the objects of an earlier revision again. */
  rollbackOf: z.exactOptional(z.int()),
  /** Set when it is the revision before again, whose release had failed: its objects, its strategy and its settings. */
  retryOf: z.exactOptional(z.int()),
  /** Set when its pods are those of a revision in the `rollbackWindow`: it waits for nobody, as a rollback does. */
  sameAs: z.exactOptional(z.int()),
  reason: z.exactOptional(z.string()),
  /** The last ones of each analysis. */
  samples: z.exactOptional(samples),
});

/** A Job of the release in progress. */
const job = z.object({
  uid: z.string(),
  /** It was seen complete. */
  complete: z.boolean(),
});

const state = z.object({
  revision: z.int(),
  /** What the strategy keeps; the strategy itself reads it. */
  state: z.looseObject({ phase: z.string() }),
  /** Milliseconds that the phase had taken when this was written: spans that its runners measured, while the API answered. */
  phaseSpentMs: z.number(),
  /** When the phase began, by the clock of its runner, for people; missing in records of versions before. */
  phaseSince: z.exactOptional(z.number()),
  /** Revision to roll back to; missing for a first release. */
  stable: z.exactOptional(z.int()),
  /** Why it is rolled back. */
  reason: z.exactOptional(z.string()),
  /** Generation of each workload that the last apply changed, by key. */
  generations: z.record(z.string(), z.number()),
  /** The Jobs that the last apply made or found, by key: one may be removed as soon as it has ended. */
  jobs: z.exactOptional(z.record(z.string(), job)),
  /** Who runs the release, as in the Lease; written by each runner that resumes it, so that the write of an earlier one fails. */
  owner: z.exactOptional(z.string()),
  /** The action that was begun last and not yet seen to its end. */
  intent: z.exactOptional(z.string()),
  samples: z.exactOptional(samples),
});

/** Version of the record's format; 1 is read too. */
const formatVersion = 2;

const record = z.object({
  formatVersion: z.literal(formatVersion),
  application: z.string(),
  namespace: z.string(),
  /** The revision that serves: the last one that was released. */
  stable: z.exactOptional(z.int()),
  /** The release in progress; missing when there is none. */
  current: z.exactOptional(state),
  /** Oldest first, at most {@link historyLimit} and whatever `stable` and `current` need. */
  history: z.array(revision),
  /** `spec.replicas` that was applied last, by workload key; a different live count was set by somebody else. */
  replicas: z.record(z.string(), z.number()),
});

/** One release of an application, ended or in progress. */
export type RevisionRecord = z.infer<typeof revision>;

/** The Jobs of a release in progress, by key. */
export type ReleasedJobs = Readonly<Record<string, z.infer<typeof job>>>;

/** A release in progress. */
export type CurrentRelease = z.infer<typeof state>;

/** How a revision is released: the strategy's own settings, and those of every release. */
export type ReleaseSettings = z.infer<typeof settings>;

/** What the cluster keeps of an application's releases: ConfigMap `slipway-release-<application>`. */
export type ReleaseRecord = z.infer<typeof record>;

/** Milliseconds that a phase of a release may take, where the settings have none. */
export const defaultTimeoutMs = 600_000;

/** Revisions that are kept to roll back to. */
export const historyLimit = 10;

/** Ownership label of everything a release applies. */
export const applicationLabel = 'slipway.dev/application';

/** Label of what a release makes for its migration alone, and of the pods; its value is the name in the manifest. */
export const migrationLabel = 'slipway.dev/migration';

/** On the Service that a release makes for its new pods: the application that it is of. */
export const previewLabel = 'slipway.dev/preview';

/** Label of a ConfigMap or Secret that belongs to one revision; its value is the name in the manifest. */
export const configurationLabel = 'slipway.dev/configuration';

/** The record is of a newer Slipway: this one changes nothing. */
class NewerRecordError extends InputError {
  override readonly code = 'release-record-version';
}

/** The record cannot be read. */
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

/** Name of the ConfigMap (and Secret) that holds the objects of a revision's migration, and owns what is made of them. */
export function migrationName(application: string, number: number): string {
  return `${revisionName(application, number)}.migration`;
}

/** A record before the first release. */
export function emptyRecord(application: string, namespace: string): ReleaseRecord {
  return { formatVersion, application, namespace, history: [], replicas: {} };
}

/**
 * Reads a record's text.
 * @throws ReleaseRecordError when it is not one of ours; InputError when it is of a newer version
 */
export function parseRecord(text: string | undefined, application: string): ReleaseRecord {
  const name = recordName(application);
  const hint = `inspect it with: kubectl get configmap ${name} -o yaml`;
  let data: unknown;
  try {
    data = JSON.parse(text ?? '');
  } catch (cause) {
    throw new ReleaseRecordError(`ConfigMap ${name} holds no release record`, { cause, hint });
  }
  const version = (data as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > formatVersion) {
    throw new NewerRecordError(
      `ConfigMap ${name} was written by a newer Slipway: its format is ${String(version)}, this one reads up to ${String(formatVersion)}`,
      { hint: 'update Slipway on this machine' },
    );
  }
  const parsed = record.safeParse(upgradeRecord(data));
  if (!parsed.success) {
    throw new ReleaseRecordError(`ConfigMap ${name} is not a release record`, { cause: parsed.error, hint });
  }
  return parsed.data;
}

/** The revision's entry. */
export function revisionOf(record: Pick<ReleaseRecord, 'history'>, number: number): RevisionRecord {
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
