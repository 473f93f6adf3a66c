import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { placesOf, scalarText } from './fields.ts';

/** A field that the sandbox stores but does nothing with. */
interface IgnoredField {
  kind: string;
  /** A pattern of {@link placesOf}. */
  path: string;
  /** Which values are meant. */
  isMeant: (value: unknown) => boolean;
  why: string;
}

const knownVolumes = 'emptyDir configMap secret hostPath persistentVolumeClaim downwardAPI projected'.split(
  ' ',
);
// fsGroup and capabilities.drop take nothing from what runs as that user: its files are its own, and it has none.
const users = 'runAsUser|runAsGroup|privileged|readOnlyRootFilesystem|sysctls';
const noUsers = 'pods are processes of the user who runs the sandbox';

/**
 * Fields that the sandbox passes over, a field a line: its pattern, `=` or `!=` and values where not every value is
 * meant (a volume's is its source), and why.
 */
const podFields = `
securityContext.${users}: ${noUsers}
containers|initContainers[].securityContext.${users}: ${noUsers}
containers|initContainers[].securityContext.capabilities.add: ${noUsers}
containers|initContainers[].ports[].hostPort!=0: use a Service of type NodePort
containers|initContainers[].volumeDevices: there are no block devices
containers|initContainers[].livenessProbe|readinessProbe|startupProbe.grpc: it knows exec, httpGet and tcpSocket
affinity.podAffinity|podAntiAffinity: there is one node
topologySpreadConstraints: there is one node
priorityClassName: pods have no priorities
runtimeClassName: pods are processes of this machine
schedulerName!=default-scheduler: there is one node
hostPID|hostIPC=true: pods are processes of this machine
resourceClaims: there are no devices
ephemeralContainers: use kubectl exec
volumes[]!=,${knownVolumes.join()}: it knows ${knownVolumes.slice(0, -1).join(', ')} and projected
`;

/** The same for other fields, each after its kind. */
const fields = `
StatefulSet spec.updateStrategy.rollingUpdate.maxUnavailable: pods are updated one by one
StatefulSet spec.ordinals: pods are counted from 0
StatefulSet spec.persistentVolumeClaimRetentionPolicy.whenDeleted|whenScaled=Delete: claims are kept
DaemonSet spec.updateStrategy.rollingUpdate.maxSurge!=0,0%: the old pod goes first
Job spec.completionMode=Indexed: pods get no index
Job spec.backoffLimitPerIndex|maxFailedIndexes: pods get no index
Job spec.podFailurePolicy: every failed pod counts against backoffLimit
Job spec.successPolicy: a Job is complete with its completions
Job spec.managedBy: it runs every Job itself
Service spec.sessionAffinity=ClientIP: connections go to the ready pods in turn
Service spec.externalIPs: Services listen on loopback addresses
Service spec.type=LoadBalancer: there is no load balancer; its node port works
Service spec.externalTrafficPolicy=Local: there is one node
Service spec.trafficDistribution: there is one node
Service spec.ports[].protocol!=TCP: Services carry TCP alone
Service spec.ipFamilies[]=IPv6: Services have IPv4 addresses alone
PersistentVolume spec: every claim gets a folder of its own, whatever volumes there are
PersistentVolumeClaim spec.dataSource: a claim is an empty folder
PersistentVolumeClaim spec.volumeMode=Block: a claim is a folder
PersistentVolumeClaim spec.selector: every claim gets a folder of its own
`;

/** What a value is compared by: a scalar, or the source of a volume. */
function wordOf(value: unknown): string {
  if (!isFields(value)) return scalarText(value);
  // A patch has directives ($retainKeys), and null for a source that goes.
  const set = Object.keys(value).filter((name) => !name.startsWith('$') && value[name] !== null);
  return set.find((name) => name !== 'name') ?? '';
}

function parseField(line: string): IgnoredField {
  const [, kind = '', path = '', operator, values = '', why = ''] =
    /^(\w+) ([^=!:]+)(!?=)?([^:]*): (.*)$/.exec(line) ?? [];
  const listed = values.split(',');
  const isMeant = (value: unknown): boolean =>
    operator === undefined || listed.includes(wordOf(value)) === (operator === '=');
  return { kind, path, isMeant, why };
}

const linesOf = (text: string): string[] => text.trim().split('\n');

const ignored = [
  ...linesOf(podFields).map((row) => `Pod spec.${row}`),
  ...['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job'].flatMap((kind) =>
    linesOf(podFields).map((row) => `${kind} spec.template.spec.${row}`),
  ),
  ...linesOf(fields),
].map(parseField);

/** Warnings for the fields of a built-in object that the sandbox stores and otherwise passes over, each by its name. */
export function warningsOfIgnoredFields(kind: string, object: Fields): string[] {
  return ignored.flatMap(({ kind: of, path, isMeant, why }) =>
    (of === kind ? placesOf(object, path) : [])
      .filter(({ value }) => value !== undefined && value !== null && isMeant(value))
      .map(({ path: place }) => `the sandbox ignores ${place}: ${why}`),
  );
}
