import { isFields } from '../../base/fields.ts';
import { servicesOf } from '../../kubernetes/service-targets.ts';
import {
  isWorkloadReference,
  nameOf,
  podTemplateOf,
  referenceOf,
} from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { LocatedManifest } from './parse-manifests.ts';

/** Why the file of a migration cannot be used. */
export interface MigrationFault {
  /** What it is about; missing: the file holds nothing. */
  manifest?: LocatedManifest;
  path: readonly (string | number)[];
  message: string;
  hint: string;
}

/** What a migration stands in: the manifests of the release, and its namespace (empty: it is not known yet). */
interface Around {
  /** Each with its namespace. */
  objects: readonly KubernetesObject[];
  namespace: string;
}

const companions: readonly string[] = ['ConfigMap', 'Secret', 'ServiceAccount'];

/** Whether an object is a Job of Kubernetes' own. */
export function isJob(object: KubernetesObject): boolean {
  return object.kind === 'Job' && isWorkloadReference(object);
}

/** What is wrong with the manifests of `deploy.migrate.job`. */
export function migrationFaults(manifests: readonly LocatedManifest[], around: Around): MigrationFault[] {
  const jobs = manifests.filter(({ object }) => isJob(object));
  const [first, ...more] = jobs;
  const [any] = manifests;
  const hint =
    'deploy.migrate.job names a file with one Job, and the ConfigMaps, Secrets and ServiceAccount of it';
  const none: MigrationFault = {
    ...(any === undefined ? {} : { manifest: any }),
    path: ['kind'],
    message: 'the file of the migration holds no Job',
    hint,
  };
  return [
    ...(first === undefined ? [none] : jobFaults(first, around)),
    ...more.map((manifest) => ({
      ...{ manifest, path: ['metadata', 'name'], hint: 'let one Job do all of it, in order' },
      message: `a migration is one Job, and the file has ${String(jobs.length)}`,
    })),
    ...manifests.flatMap((manifest) => companionFaults(manifest, hint)),
    ...manifests.flatMap((manifest) => namespaceFaults(manifest, around)),
  ];
}

function companionFaults(manifest: LocatedManifest, hint: string): MigrationFault[] {
  const { object } = manifest;
  if (isJob(object) || (object.apiVersion === 'v1' && companions.includes(object.kind))) return [];
  const message = `${object.kind} ${object.metadata.name} cannot be part of a migration`;
  return [{ manifest, path: ['kind'], message, hint }];
}

/** What a migration makes stands beside the record of its release, which owns it. */
function namespaceFaults(manifest: LocatedManifest, { namespace }: Around): MigrationFault[] {
  const { object } = manifest;
  const { namespace: own = namespace } = object.metadata;
  if (own === namespace || namespace === '') return [];
  const message = `${object.kind} ${object.metadata.name} of the migration is in namespace ${own}, and the release in ${namespace}`;
  return [{ manifest, path: ['metadata', 'namespace'], message, hint: 'take metadata.namespace out of it' }];
}

function jobFaults(manifest: LocatedManifest, { objects, namespace }: Around): MigrationFault[] {
  const { object } = manifest;
  const job = `Job ${object.metadata.name}`;
  const spec = isFields(object['spec']) ? object['spec'] : {};
  const policy = podTemplateOf(object)?.spec['restartPolicy'];
  const faults: MigrationFault[] = [];
  if (policy !== 'Never' && policy !== 'OnFailure')
    faults.push({
      manifest,
      path: ['spec', 'template', 'spec', 'restartPolicy'],
      message: `${job} has no restartPolicy that ends: it must be Never or OnFailure`,
      hint: 'set spec.template.spec.restartPolicy: Never, which keeps the logs of pods that fail',
    });
  if (spec['suspend'] === true)
    faults.push({
      ...{ manifest, path: ['spec', 'suspend'], hint: 'take spec.suspend out of it' },
      message: `${job} is suspended, so that it would never complete`,
    });
  const placed = {
    ...object,
    metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace },
  };
  for (const service of namespace === '' ? [] : servicesOf(placed, objects))
    faults.push({
      ...{ manifest, path: ['spec', 'template', 'metadata', 'labels'] },
      message: `${nameOf(referenceOf(service))} would send requests to the pods of ${job}, by their labels`,
      hint: 'give the pods of the Job labels of their own',
    });
  return faults;
}
