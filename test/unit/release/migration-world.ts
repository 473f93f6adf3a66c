import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { ReleaseMigration } from '../../../src/release/migration.ts';
import type { ReleaseObjectsRequest } from '../../../src/release/release.ts';
import { referenceOf } from '../../../src/kubernetes/workload-objects.ts';
import { servedObjects } from './blue-green-world.ts';
import { requestOf, type World } from './release-world.ts';

const { signal } = new AbortController();

/** How a Job ends, and after how many virtual milliseconds. */
export interface JobCourse {
  end: 'Complete' | 'Failed' | 'never';
  afterMs?: number;
}

/** What was made of Jobs, one entry for each that was made. */
export interface JobWatch {
  made: string[];
  /** The most that were there without an end at the same time. */
  mostAtOnce: number;
}

const labels = { 'slipway.dev/application': 'web', 'slipway.dev/migration': 'migrate' };

/** The migration of the release of an image, as the stage prepares it. */
export function migrationOf(image: string, timeoutMs = 60_000): ReleaseMigration {
  const job: KubernetesObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `migrate-${image}`, namespace: 'shop', labels },
    spec: {
      template: {
        metadata: { labels },
        spec: { restartPolicy: 'Never', containers: [{ name: 'migrate', image: `migrate:${image}` }] },
      },
    },
  };
  const configuration: KubernetesObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `database-${image}`, namespace: 'shop', labels },
    data: { password: 'b3Blbi1zZXNhbWU=' },
  };
  return { objects: [configuration, job], job: referenceOf(job), timeoutMs };
}

/** A request to release an image after its migration, by a run of its own. */
export function migratingRequest(
  image: string,
  more: Parameters<typeof requestOf>[2] & { way?: object; timeoutMs?: number } = {},
): ReleaseObjectsRequest {
  const { way = {}, timeoutMs, ...rest } = more;
  const request = requestOf(servedObjects(image), `run-${image}`, rest);
  const settings = { ...request.settings, strategy: { ...way } };
  return { ...request, settings, migration: migrationOf(image, timeoutMs) };
}

/** Lets Jobs end as their names say; others complete after 3 s. */
export function runJobs(world: World, courses: Readonly<Record<string, JobCourse>> = {}): JobWatch {
  const watch: JobWatch = { made: [], mostAtOnce: 0 };
  const { cluster, clock } = world;
  cluster.after = (verb, reference) => {
    if (reference.kind !== 'Job' || verb !== 'create') return;
    watch.made.push(reference.name);
    const open = cluster.all('Job').filter((job) => job['status'] === undefined);
    watch.mostAtOnce = Math.max(watch.mostAtOnce, open.length);
    const { end, afterMs = 3000 } = courses[reference.name] ?? { end: 'Complete' };
    if (end === 'never') return;
    const uid = cluster.peek(reference)?.metadata.uid;
    const condition = { type: end, status: 'True', reason: end === 'Failed' ? 'BackoffLimitExceeded' : '' };
    void clock.sleep(afterMs, { signal }).then(() => {
      const live = cluster.peek(reference);
      if (live?.metadata.uid === uid && live !== undefined)
        cluster.put({ ...live, status: { conditions: [condition] } });
    });
  };
  return watch;
}

/** What there is but for the record, its leases and the Jobs: what a migration that fails must leave as it was. */
export function applicationIn(world: World): KubernetesObject[] {
  const kinds = ['Deployment', 'ReplicaSet', 'Service', 'Secret', 'Pod', 'ConfigMap'];
  const isRecord = ({ metadata }: KubernetesObject) => metadata.name.startsWith('slipway-release-');
  return kinds.flatMap((kind) => world.cluster.all(kind)).filter((object) => !isRecord(object));
}
