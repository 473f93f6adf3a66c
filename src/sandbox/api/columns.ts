import type { Fields } from '../kinds/fields.ts';
import { at, child, isFields, items, scalarText } from '../kinds/fields.ts';
import {
  accessModes,
  claimOf,
  endpointAddresses,
  eventTime,
  externalAddress,
  involved,
  jobDuration,
  jobStatus,
  list,
  nodeAddress,
  nodeRoles,
  nodeStatus,
  none,
  selectorText,
  servicePorts,
} from './column-cells.ts';
import type { Cell } from './column-cells.ts';
import { age } from './human-duration.ts';
import { podReadinessGates, podReady, podRestarts, podStatus } from './pod-columns.ts';

/** A column of `kubectl get`: its title, what stands in it, and whether it is shown only with `-o wide`. */
export interface Column {
  name: string;
  cell: Cell;
  wide?: true;
}

const field =
  (path: string, otherwise: unknown = none) =>
  (object: Fields): unknown =>
    at(object, ...path.split('.')) ?? otherwise;
const count =
  (path: string) =>
  (object: Fields): number => {
    const value = at(object, ...path.split('.'));
    if (Array.isArray(value)) return value.length;
    return isFields(value) ? Object.keys(value).length : 0;
  };
const column = (name: string, cell: string | Cell, otherwise?: unknown): Column => ({
  name,
  cell: typeof cell === 'string' ? field(cell, otherwise) : cell,
});
const wide = (name: string, cell: string | Cell): Column => ({ ...column(name, cell), wide: true });

/** `1/3`: a count that may be missing, of a wanted one. */
const ratio =
  (part: string, whole: string): Cell =>
  (object) =>
    `${scalarText(at(object, ...part.split('.')) ?? 0)}/${scalarText(at(object, ...whole.split('.')) ?? 1)}`;

const nameColumn = column('Name', 'metadata.name');
const ageColumn = column('Age', (object) => age(at(object, 'metadata', 'creationTimestamp')));

const templateContainers = (object: Fields): Fields[] => {
  const spec = child(child(object, 'spec'), 'jobTemplate') ?? object;
  return items(child(child(child(spec, 'spec'), 'template'), 'spec'), 'containers');
};
const templateColumns = [
  wide('Containers', (object) => list(templateContainers(object).map((row) => row['name']))),
  wide('Images', (object) => list(templateContainers(object).map((row) => row['image']))),
  wide('Selector', (object) => selectorText(at(object, 'spec', 'selector'))),
];

const desired = [
  column('Desired', 'spec.replicas', 0),
  column('Current', 'status.replicas', 0),
  column('Ready', 'status.readyReplicas', 0),
];

/** The columns of each kind, in order; the real API server's, as far as the sandbox's objects fill them. */
export const columnsOf: Record<string, readonly Column[]> = {
  Pod: [
    nameColumn,
    column('Ready', podReady),
    column('Status', podStatus),
    column('Restarts', podRestarts),
    ageColumn,
    wide('IP', 'status.podIP'),
    wide('Node', 'spec.nodeName'),
    wide('Nominated Node', 'status.nominatedNodeName'),
    wide('Readiness Gates', (pod) => podReadinessGates(pod) ?? none),
  ],
  Deployment: [
    nameColumn,
    column('Ready', ratio('status.readyReplicas', 'spec.replicas')),
    column('Up-to-date', 'status.updatedReplicas', 0),
    column('Available', 'status.availableReplicas', 0),
    ageColumn,
    ...templateColumns,
  ],
  ReplicaSet: [nameColumn, ...desired, ageColumn, ...templateColumns],
  StatefulSet: [
    nameColumn,
    column('Ready', ratio('status.readyReplicas', 'spec.replicas')),
    ageColumn,
    ...templateColumns.slice(0, 2),
  ],
  DaemonSet: [
    nameColumn,
    column('Desired', 'status.desiredNumberScheduled', 0),
    column('Current', 'status.currentNumberScheduled', 0),
    column('Ready', 'status.numberReady', 0),
    column('Up-to-date', 'status.updatedNumberScheduled', 0),
    column('Available', 'status.numberAvailable', 0),
    column('Node Selector', (object) => selectorText(at(object, 'spec', 'template', 'spec', 'nodeSelector'))),
    ageColumn,
    ...templateColumns,
  ],
  Job: [
    nameColumn,
    column('Status', jobStatus),
    column('Completions', ratio('status.succeeded', 'spec.completions')),
    column('Duration', (job) => jobDuration(job) ?? ''),
    ageColumn,
    ...templateColumns,
  ],
  CronJob: [
    nameColumn,
    column('Schedule', 'spec.schedule'),
    column('Timezone', 'spec.timeZone'),
    column('Suspend', (object) => (at(object, 'spec', 'suspend') === true ? 'True' : 'False')),
    column('Active', count('status.active')),
    column('Last Schedule', (object) => {
      const time = at(object, 'status', 'lastScheduleTime');
      return time === undefined ? none : age(time);
    }),
    ageColumn,
    ...templateColumns.slice(0, 2),
  ],
  Service: [
    nameColumn,
    column('Type', 'spec.type'),
    column('Cluster-IP', 'spec.clusterIP'),
    column('External-IP', externalAddress),
    column('Port(s)', servicePorts),
    ageColumn,
    wide('Selector', (object) => selectorText(at(object, 'spec', 'selector'))),
  ],
  Endpoints: [nameColumn, column('Endpoints', endpointAddresses), ageColumn],
  EndpointSlice: [
    nameColumn,
    column('AddressType', 'addressType'),
    column('Ports', (object) => list(items(object, 'ports').map((port) => port['port'] ?? '*'))),
    column('Endpoints', (object) => list(items(object, 'endpoints').flatMap((row) => row['addresses']))),
    ageColumn,
  ],
  ConfigMap: [
    nameColumn,
    column('Data', (object) => count('data')(object) + count('binaryData')(object)),
    ageColumn,
  ],
  Secret: [nameColumn, column('Type', 'type'), column('Data', count('data')), ageColumn],
  ServiceAccount: [nameColumn, column('Secrets', count('secrets')), ageColumn],
  Event: [
    column('Last Seen', eventTime),
    column('Type', 'type'),
    column('Reason', 'reason'),
    column('Object', involved),
    wide('Source', 'source.component'),
    column('Message', (event) => scalarText(event['message']).trim()),
    wide('Count', (event) => event['count'] ?? 1),
    wide('Name', 'metadata.name'),
  ],
  PersistentVolumeClaim: [
    nameColumn,
    column('Status', 'status.phase'),
    column('Volume', 'spec.volumeName', ''),
    column('Capacity', 'status.capacity.storage', ''),
    column('Access Modes', accessModes('status.accessModes')),
    column('StorageClass', 'spec.storageClassName', ''),
    ageColumn,
    wide('VolumeMode', 'spec.volumeMode'),
  ],
  PersistentVolume: [
    nameColumn,
    column('Capacity', 'spec.capacity.storage', ''),
    column('Access Modes', accessModes('spec.accessModes')),
    column('Reclaim Policy', 'spec.persistentVolumeReclaimPolicy'),
    column('Status', 'status.phase'),
    column('Claim', claimOf),
    column('StorageClass', 'spec.storageClassName', ''),
    ageColumn,
  ],
  Namespace: [nameColumn, column('Status', 'status.phase'), ageColumn],
  Node: [
    nameColumn,
    column('Status', nodeStatus),
    column('Roles', nodeRoles),
    ageColumn,
    column('Version', 'status.nodeInfo.kubeletVersion', ''),
    wide('Internal-IP', nodeAddress('InternalIP')),
    wide('External-IP', nodeAddress('ExternalIP')),
    wide('OS-Image', 'status.nodeInfo.osImage'),
    wide('Kernel-Version', 'status.nodeInfo.kernelVersion'),
    wide('Container-Runtime', 'status.nodeInfo.containerRuntimeVersion'),
  ],
  Lease: [nameColumn, column('Holder', 'spec.holderIdentity', ''), ageColumn],
  PodDisruptionBudget: [
    nameColumn,
    column('Min Available', 'spec.minAvailable', 'N/A'),
    column('Max Unavailable', 'spec.maxUnavailable', 'N/A'),
    column('Allowed Disruptions', 'status.disruptionsAllowed', 0),
    ageColumn,
  ],
  HorizontalPodAutoscaler: [
    nameColumn,
    column('Reference', (object) => {
      const target = child(child(object, 'spec'), 'scaleTargetRef');
      return `${String(target?.['kind'])}/${String(target?.['name'])}`;
    }),
    column('MinPods', 'spec.minReplicas'),
    column('MaxPods', 'spec.maxReplicas'),
    column('Replicas', 'status.currentReplicas', 0),
    ageColumn,
  ],
  Ingress: [
    nameColumn,
    column('Class', 'spec.ingressClassName'),
    column('Hosts', (object) => {
      const hosts = items(child(object, 'spec'), 'rules').map((rule) => rule['host'] ?? '*');
      return hosts.length === 0 ? '*' : list(hosts);
    }),
    ageColumn,
  ],
  StorageClass: [
    nameColumn,
    column('Provisioner', 'provisioner'),
    column('ReclaimPolicy', 'reclaimPolicy'),
    column('VolumeBindingMode', 'volumeBindingMode'),
    ageColumn,
  ],
  CustomResourceDefinition: [nameColumn, column('Created At', 'metadata.creationTimestamp')],
};

/** The columns of kinds that have none of their own. */
export const plainColumns: readonly Column[] = [nameColumn, ageColumn];
