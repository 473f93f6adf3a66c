import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import { ForbiddenError } from '../../../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../../ports/kubernetes-object.ts';
import { runObjectName, type RunStore, type StoredRun } from '../../../ports/run-record.ts';
import { labels, labelValue, managedSelector } from '../agent/agent-names.ts';
import { pause } from '../client/pause.ts';
import { leaseKind, parseLease } from '../lease/lease-object.ts';
import { recordSelector } from './run-store.ts';

/** What has no owner any more. */
export interface Orphans {
  /** Unfinished runs whose runner has gone; `pipeline resume` could still take them up. */
  runs: StoredRun[];
  /** Agent pods and their Secrets whose run has no record at all, or has finished. */
  objects: OrphanObject[];
}

/** One of them, and the run whose it was. */
export interface OrphanObject extends ObjectReference {
  run: string;
}

const leftKinds = ['Pod', 'Secret'];

/**
 * Finds orphans by looking twice: a run is one when neither its record nor its lease changed while a living runner would
 * have renewed the lease. Clocks of other machines are not asked.
 */
export async function findOrphans(
  parts: { cluster: Pick<Cluster, 'list'>; runs: Pick<RunStore, 'list'>; leaseMs: number },
  namespace: string,
  options: CallOptions,
): Promise<Orphans> {
  const before = await observe(parts, namespace, options);
  const suspects = before.runs.filter(({ record }) => record.state !== 'finished');
  if (suspects.length === 0 && before.left.length === 0) return { runs: [], objects: [] };
  await pause(parts.leaseMs * 1.2, options.signal);
  const after = await observe(parts, namespace, options);
  const recorded = new Map(after.runs.map((run) => [labelValue(run.record.runId), run]));
  const wereThere = new Set(before.left.map(({ metadata }) => metadata.uid));
  const left = after.left.filter(
    ({ metadata }) => wereThere.has(metadata.uid) && metadata.deletionTimestamp === undefined,
  );
  // A record that this version cannot read may be that of a living run of a newer one.
  const unknown = left.some((object) => !recorded.has(runOf(object)));
  const unread = unknown ? await runsWithRecord(parts.cluster, namespace, options) : new Set<string>();
  return {
    runs: after.runs.filter(({ record, version }) => {
      const id = record.runId;
      const earlier = suspects.find((run) => run.record.runId === id);
      if (earlier?.version !== version) return false;
      const name = runObjectName(id);
      const lease = after.leases.get(name);
      return lease?.holder === '' || lease?.version === before.leases.get(name)?.version;
    }),
    objects: left
      .filter((object) => {
        const run = recorded.get(runOf(object));
        return run === undefined ? !unread.has(runOf(object)) : run.record.state === 'finished';
      })
      .map((object) => ({
        apiVersion: object.apiVersion,
        kind: object.kind,
        name: object.metadata.name,
        namespace,
        run: runOf(object),
      })),
  };
}

/** The label's value, by which what a run left is found. */
function runOf({ metadata }: KubernetesObject): string {
  return metadata.labels?.[labels.run] ?? '';
}

/** The runs that have a record, whether this version can read it or not. */
async function runsWithRecord(
  cluster: Pick<Cluster, 'list'>,
  namespace: string,
  options: CallOptions,
): Promise<Set<string>> {
  const selection = { namespace, labelSelector: recordSelector };
  const records = await cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' }, selection, options);
  return new Set(records.map(runOf));
}

async function observe(
  { cluster, runs }: { cluster: Pick<Cluster, 'list'>; runs: Pick<RunStore, 'list'> },
  namespace: string,
  options: CallOptions,
) {
  const selection = { namespace, labelSelector: managedSelector };
  const agents = { namespace, labelSelector: `${managedSelector},${labels.agent}` };
  const [records, leases, ...left] = await Promise.all([
    runs.list(namespace, options),
    cluster.list(leaseKind, selection, options),
    ...leftKinds.map((kind) => listAllowed(cluster, kind, agents, options)),
  ]);
  const parsed = leases.map((lease) => [lease.metadata.name, parseLease(lease)] as const);
  return { runs: records, leases: new Map(parsed), left: left.flat() };
}

/** A runner need not be allowed to read Secrets. */
async function listAllowed(
  cluster: Pick<Cluster, 'list'>,
  kind: string,
  selection: { namespace: string; labelSelector: string },
  options: CallOptions,
): Promise<KubernetesObject[]> {
  try {
    return await cluster.list({ apiVersion: 'v1', kind }, selection, options);
  } catch (error) {
    if (error instanceof ForbiddenError) return [];
    throw error;
  }
}
