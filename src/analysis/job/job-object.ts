import { parseDuration } from '../../base/duration.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import type { JobSource } from './settings.ts';

/** Label of the Jobs that measure; its value is the application. */
export const measuresLabel = 'slipway.dev/measures';

/** The measurement that a Job is. */
export interface JobMeasurement {
  application: string;
  namespace: string;
  revision: number;
  /** What its samples are kept under: `step 3: smoke`. */
  key: string;
  /** Which one of the analysis it is, from 1. */
  count: number;
  /** Hashes of the new and of the old pods. */
  candidate: string;
  stable: string;
}

/**
 * The Job of a measurement, by a name that no other one has: whoever takes the measurement finds the Job that an earlier
 * runner has made for it.
 */
export function jobReference({
  application,
  namespace,
  revision,
  key,
  count,
}: Omit<JobMeasurement, 'candidate' | 'stable'>): ObjectReference {
  const begin = application.slice(0, 30).replace(/-+$/, '');
  const name = `${begin}-${String(revision)}-${shortHash(key)}-${String(count)}`;
  return { apiVersion: 'batch/v1', kind: 'Job', namespace, name };
}

/** The Job itself. @param owner the release's record: with it, the Job goes; undefined: there is none yet */
export function jobObject(
  { template, timeout = '5m', backoffLimit = 0 }: JobSource,
  measurement: JobMeasurement,
  owner: { name: string; uid: string } | undefined,
): KubernetesObject {
  const { apiVersion, kind, name, namespace = '' } = jobReference(measurement);
  const { application, key, count, candidate, stable } = measurement;
  const hashes = { SLIPWAY_CANDIDATE_HASH: candidate, SLIPWAY_STABLE_HASH: stable };
  const { containers, initContainers = [], ...pod } = template.spec;
  const withHashes = (all: typeof containers) => all.map((each) => ({ ...each, env: envOf(each, hashes) }));
  return {
    apiVersion,
    kind,
    metadata: {
      ...{ name, namespace },
      labels: { [measuresLabel]: application, 'app.kubernetes.io/managed-by': 'slipway' },
      annotations: { 'slipway.dev/measurement': `${key}, ${String(count)}` },
      ...(owner && { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', ...owner }] }),
    },
    spec: {
      backoffLimit,
      activeDeadlineSeconds: Math.ceil(parseDuration(timeout) / 1000),
      template: {
        ...template,
        spec: {
          restartPolicy: 'Never',
          ...pod,
          ...(initContainers.length === 0 ? {} : { initContainers: withHashes(initContainers) }),
          containers: withHashes(containers),
        },
      },
    },
  };
}

/** What the container has under the same name is kept. */
function envOf(container: Record<string, unknown>, values: Readonly<Record<string, string>>): unknown[] {
  const own: unknown[] = Array.isArray(container['env']) ? container['env'] : [];
  const names = new Set(own.map((variable) => (variable as { name?: unknown } | null)?.name));
  const added = Object.entries(values).map(([name, value]) => ({ name, value }));
  return [...added.filter(({ name }) => !names.has(name)), ...own];
}

/** FNV-1a (https://datatracker.ietf.org/doc/html/draft-eastlake-fnv) in 32 bits: tells the few analyses of a release apart. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
