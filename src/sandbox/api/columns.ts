import type { Fields } from '../../base/fields.ts';
import { at, placesOf, scalarText } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import type { Cell } from './cells.ts';
import { cells, list, none } from './cells.ts';

/**
 * The columns of `kubectl get`, a kind a paragraph, as the real API server has them. A column is a title and a path (with
 * `?` and what stands where nothing is; `<none>` otherwise), or the name of a cell of its own; `A/B` is a ratio, `[]` a list. Columns
 * after `wide` are shown with `-o wide` alone.
 */
const rows = `
Pod: Name metadata.name, Ready podReady, Status podStatus, Restarts podRestarts, Age age,
  wide, IP status.podIP, Node spec.nodeName, Nominated_Node status.nominatedNodeName, Readiness_Gates readinessGates
Deployment: Name metadata.name, Ready status.readyReplicas/spec.replicas, Up-to-date status.updatedReplicas?0,
  Available status.availableReplicas?0, Age age, wide, Containers spec.template.spec.containers[].name,
  Images spec.template.spec.containers[].image, Selector selector
ReplicaSet: Name metadata.name, Desired spec.replicas?0, Current status.replicas?0, Ready status.readyReplicas?0, Age age,
  wide, Containers spec.template.spec.containers[].name,
  Images spec.template.spec.containers[].image, Selector selector
StatefulSet: Name metadata.name, Ready status.readyReplicas/spec.replicas, Age age,
  wide, Containers spec.template.spec.containers[].name,
  Images spec.template.spec.containers[].image
DaemonSet: Name metadata.name, Desired status.desiredNumberScheduled?0, Current status.currentNumberScheduled?0,
  Ready status.numberReady?0, Up-to-date status.updatedNumberScheduled?0, Available status.numberAvailable?0,
  Node_Selector nodeSelector, Age age, wide, Containers spec.template.spec.containers[].name,
  Images spec.template.spec.containers[].image, Selector selector
Job: Name metadata.name, Status jobStatus, Completions status.succeeded/spec.completions, Duration jobDuration, Age age,
  wide, Containers spec.template.spec.containers[].name,
  Images spec.template.spec.containers[].image, Selector selector
CronJob: Name metadata.name, Schedule spec.schedule, Timezone spec.timeZone, Suspend suspended, Active status.active?0,
  Last_Schedule status.lastScheduleTime, Age age
Service: Name metadata.name, Type spec.type, Cluster-IP spec.clusterIP, External-IP externalAddress,
  Port(s) servicePorts, Age age, wide, Selector selector
Endpoints: Name metadata.name, Endpoints endpoints, Age age
EndpointSlice: Name metadata.name, AddressType addressType, Ports ports[].port?*, Endpoints endpoints[].addresses[], Age age
ConfigMap: Name metadata.name, Data dataCount, Age age
Secret: Name metadata.name, Type type, Data dataCount, Age age
Event: Last_Seen eventTime, Type type, Reason reason, Object eventObject, Message message,
  wide, Source source.component, Count count?1, Name metadata.name
PersistentVolumeClaim: Name metadata.name, Status status.phase, Volume spec.volumeName?, Capacity status.capacity.storage?,
  Access_Modes accessModes, StorageClass spec.storageClassName?, Age age, wide, VolumeMode spec.volumeMode
PersistentVolume: Name metadata.name, Capacity spec.capacity.storage?, Status status.phase,
  StorageClass spec.storageClassName?, Age age
Namespace: Name metadata.name, Status status.phase, Age age
Node: Name metadata.name, Status nodeStatus, Roles nodeRoles, Age age, Version status.nodeInfo.kubeletVersion?,
  wide, Internal-IP nodeAddress, OS-Image status.nodeInfo.osImage, Kernel-Version status.nodeInfo.kernelVersion,
  Container-Runtime status.nodeInfo.containerRuntimeVersion
Lease: Name metadata.name, Holder spec.holderIdentity?, Age age
PodDisruptionBudget: Name metadata.name, Min_Available spec.minAvailable?N/A, Max_Unavailable spec.maxUnavailable?N/A,
  Allowed_Disruptions status.disruptionsAllowed?0, Age age
HorizontalPodAutoscaler: Name metadata.name, Reference scaleTarget, MinPods spec.minReplicas, MaxPods spec.maxReplicas,
  Replicas status.currentReplicas?0, Age age
Ingress: Name metadata.name, Class spec.ingressClassName, Hosts spec.rules[].host?*, Address status.loadBalancer.ingress[].ip?,
  Ports ingressPorts, Age age
GatewayClass: Name metadata.name, Controller spec.controllerName, Accepted accepted, Age age, wide, Description spec.description
Gateway: Name metadata.name, Class spec.gatewayClassName, Address status.addresses[].value, Programmed programmed, Age age
HTTPRoute: Name metadata.name, Hostnames hostnames, Age age
IngressClass: Name metadata.name, Controller spec.controller, Parameters spec.parameters.name, Age age
CustomResourceDefinition: Name metadata.name, Created_At metadata.creationTimestamp
other: Name metadata.name, Age age
`;

/** A column: its title, what stands in it, and whether it is shown only with `-o wide`. */
interface Column {
  name: string;
  cell: Cell;
  isWide: boolean;
}

const valueAt = (object: Fields, path: string): unknown => at(object, ...path.split('.'));

function cellOf(source: string): Cell {
  const own = cells[source];
  if (own !== undefined) return own;
  const [path = '', otherwise = none] = source.split('?');
  if (path.includes('[]'))
    return (object) => list(placesOf(object, path).map(({ value }) => value ?? otherwise));
  const [part = '', whole] = /^N\/A$/.test(otherwise) ? [path] : path.split('/');
  if (whole === undefined) return (object) => valueAt(object, part) ?? otherwise;
  return (object) => `${scalarText(valueAt(object, part) ?? 0)}/${scalarText(valueAt(object, whole) ?? 1)}`;
}

function parseColumns(text: string): Column[] {
  let isWide = false;
  return text.split(/,\s*/).flatMap((column) => {
    const [title = '', source] = column.trim().split(' ');
    isWide ||= title === 'wide';
    return source === undefined ? [] : [{ name: title.replaceAll('_', ' '), cell: cellOf(source), isWide }];
  });
}

const columnsOf = new Map(
  rows
    .trim()
    .split(/\n(?=\S)/)
    .map((row): [string, Column[]] => {
      const colon = row.indexOf(':');
      return [row.slice(0, colon), parseColumns(row.slice(colon + 1))];
    }),
);

/** The metadata alone. */
export const partial = ({ metadata }: { metadata: unknown }): Fields => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

/** Objects as a `meta.k8s.io/v1` Table, which is what kubectl prints; each row carries the object's metadata by default. */
export function tableOf(
  kind: Kind,
  objects: readonly StoredObject[],
  metadata: Fields,
  includeObject: string | null,
): Fields {
  const own = kind.model === undefined ? undefined : columnsOf.get(kind.kind);
  const columns = own ?? columnsOf.get('other') ?? [];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, isWide }) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: isWide ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object)),
      ...(includeObject === 'None' ? {} : { object: includeObject === 'Object' ? object : partial(object) }),
    })),
  };
}
