import type { Fields } from './fields.ts';
import { isFields, placesOf } from './fields.ts';

/** A field that the sandbox stores but does nothing with. */
interface IgnoredField {
  /** A pattern of {@link placesOf}. */
  path: string;
  /** Which values are meant; without it any value that is set. */
  when?: (value: unknown) => boolean;
  why: string;
}

const is =
  (...values: unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);
const isNot =
  (...values: unknown[]) =>
  (value: unknown): boolean =>
    !values.includes(value);

const NO_USERS = 'pods are processes of the user who runs the sandbox';
const ONE_NODE = 'there is one node';
const OWN_MACHINE = 'pods are processes of this machine';
const SECURITY = 'runAsUser|runAsGroup|privileged|readOnlyRootFilesystem|capabilities|fsGroup|sysctls';
const VOLUMES = 'emptyDir configMap secret hostPath persistentVolumeClaim downwardAPI projected'.split(' ');
const CONTAINERS = 'containers|initContainers[]';

const podFields: readonly IgnoredField[] = [
  { path: `securityContext.${SECURITY}`, why: NO_USERS },
  { path: `${CONTAINERS}.securityContext.${SECURITY}`, why: NO_USERS },
  { path: `${CONTAINERS}.ports[].hostPort`, when: isNot(0), why: 'use a Service of type NodePort' },
  { path: `${CONTAINERS}.volumeDevices`, why: 'there are no block devices' },
  {
    path: `${CONTAINERS}.livenessProbe|readinessProbe|startupProbe.grpc`,
    why: 'it knows exec, httpGet and tcpSocket',
  },
  { path: 'affinity.podAffinity|podAntiAffinity', why: ONE_NODE },
  { path: 'topologySpreadConstraints', why: ONE_NODE },
  { path: 'priorityClassName', why: 'pods have no priorities' },
  { path: 'runtimeClassName', why: OWN_MACHINE },
  { path: 'schedulerName', when: isNot('default-scheduler'), why: ONE_NODE },
  { path: 'hostPID|hostIPC', when: is(true), why: OWN_MACHINE },
  { path: 'resourceClaims', why: 'there are no devices' },
  { path: 'ephemeralContainers', why: 'use kubectl exec' },
  {
    path: 'volumes[]',
    when: (volume) =>
      isFields(volume) && Object.keys(volume).some((name) => !['name', ...VOLUMES].includes(name)),
    why: `it knows ${VOLUMES.slice(0, -1).join(', ')} and ${VOLUMES.at(-1) ?? ''}`,
  },
];

const below = (prefix: string): IgnoredField[] =>
  podFields.map((field) => ({ ...field, path: `${prefix}.${field.path}` }));
const template = below('spec.template.spec');

const ignored: Readonly<Record<string, readonly IgnoredField[]>> = {
  Pod: below('spec'),
  Deployment: template,
  ReplicaSet: template,
  StatefulSet: [
    ...template,
    { path: 'spec.updateStrategy.rollingUpdate.maxUnavailable', why: 'pods are updated one by one' },
    { path: 'spec.ordinals', why: 'pods are counted from 0' },
    {
      path: 'spec.persistentVolumeClaimRetentionPolicy.whenDeleted|whenScaled',
      when: is('Delete'),
      why: 'claims are kept',
    },
  ],
  DaemonSet: [
    ...template,
    {
      path: 'spec.updateStrategy.rollingUpdate.maxSurge',
      when: isNot(0, '0%'),
      why: 'the old pod goes first',
    },
  ],
  Job: [
    ...template,
    { path: 'spec.completionMode', when: is('Indexed'), why: 'pods get no index' },
    { path: 'spec.backoffLimitPerIndex|maxFailedIndexes', why: 'pods get no index' },
    { path: 'spec.podFailurePolicy', why: 'every failed pod counts against backoffLimit' },
    { path: 'spec.successPolicy', why: 'a Job is complete with its completions' },
    { path: 'spec.managedBy', why: 'it runs every Job itself' },
  ],
  Service: [
    { path: 'spec.sessionAffinity', when: is('ClientIP'), why: 'connections go to the ready pods in turn' },
    { path: 'spec.externalIPs', why: 'Services listen on loopback addresses' },
    { path: 'spec.type', when: is('LoadBalancer'), why: 'there is no load balancer; its node port works' },
    { path: 'spec.externalTrafficPolicy', when: is('Local'), why: ONE_NODE },
    { path: 'spec.trafficDistribution', why: ONE_NODE },
    { path: 'spec.ports[].protocol', when: isNot('TCP'), why: 'Services carry TCP alone' },
    {
      path: 'spec.ipFamilies',
      when: (families) => Array.isArray(families) && families.includes('IPv6'),
      why: 'Services have IPv4 addresses alone',
    },
  ],
  PersistentVolume: [
    { path: 'spec', why: 'every claim gets a folder of its own, whatever volumes there are' },
  ],
  PersistentVolumeClaim: [
    { path: 'spec.dataSource', why: 'a claim is an empty folder' },
    { path: 'spec.volumeMode', when: is('Block'), why: 'a claim is a folder' },
    { path: 'spec.selector', why: 'every claim gets a folder of its own' },
  ],
};

/** Warnings for the fields of a built-in object that the sandbox stores and otherwise passes over, each by its name. */
export function warningsOfIgnoredFields(kind: string, object: Fields): string[] {
  return (ignored[kind] ?? []).flatMap(({ path, when, why }) =>
    placesOf(object, path)
      .filter(({ value }) => value !== undefined && value !== null && (when === undefined || when(value)))
      .map(({ path: place }) => `the sandbox ignores ${place}: ${why}`),
  );
}
