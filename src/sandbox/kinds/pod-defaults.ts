import type { Fields } from '../../base/fields.ts';
import { child, ensure, fill, items, placesOf, scalarText } from './fields.ts';

/** Defaults for each object that a pattern of `placesOf` names; a function gets the object that they are for. */
export type Default = readonly [pattern: string, defaults: Fields | ((target: Fields) => Fields)];

/** Fills defaults into an object, in their order. */
export function applyDefaults(object: Fields, defaults: readonly Default[]): void {
  if (defaults.some(([pattern]) => pattern === 'spec')) ensure(object, 'spec');
  for (const [pattern, given] of defaults) {
    for (const { value } of placesOf(object, pattern)) {
      const target = value as Fields | undefined;
      if (typeof target === 'object') fill(target, typeof given === 'function' ? given(target) : given);
    }
  }
}

/** Always for `latest` and for no tag; a digest or another tag is taken when it is not present. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

const containers = 'containers|initContainers[]';
const probes = `${containers}.livenessProbe|readinessProbe|startupProbe`;
const httpGet = { path: '/', scheme: 'HTTP' };
const fieldRef = { apiVersion: 'v1' };

const hasSource = (volume: Fields): boolean => Object.keys(volume).some((field) => field !== 'name');

const probeNumbers = { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 };

/** Of a probe's numbers 0 counts as not given. */
function probe(target: Fields): Fields {
  for (const name of Object.keys(probeNumbers)) if (target[name] === 0) Reflect.deleteProperty(target, name);
  return probeNumbers;
}

/** Defaults of a pod template's spec. */
export const podSpecDefaults: readonly Default[] = [
  ['', { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst' }],
  ['', { securityContext: {}, schedulerName: 'default-scheduler' }],
  [containers, { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' }],
  [containers, { resources: {} }],
  [containers, ({ image }) => ({ imagePullPolicy: defaultPullPolicy(scalarText(image)) })],
  [`${containers}.ports[]`, { protocol: 'TCP' }],
  [`${containers}.env[].valueFrom.fieldRef`, fieldRef],
  [probes, probe],
  [`${probes}.httpGet`, httpGet],
  [`${containers}.lifecycle.postStart|preStop.httpGet`, httpGet],
  ['volumes[]', (volume): Fields => (hasSource(volume) ? {} : { emptyDir: {} })],
  ['volumes[].configMap|secret|downwardAPI|projected', { defaultMode: 420 }],
  ['volumes[].hostPath', { type: '' }],
  ['volumes[].downwardAPI.items[].fieldRef', fieldRef],
  ['volumes[].projected.sources[].downwardAPI.items[].fieldRef', fieldRef],
  ['volumes[].projected.sources[].serviceAccountToken', { expirationSeconds: 3600 }],
];

const tolerations = ['not-ready', 'unreachable'].map((state) => ({
  effect: 'NoExecute',
  key: `node.kubernetes.io/${state}`,
  operator: 'Exists',
  tolerationSeconds: 300,
}));

/** Defaults of a pod's spec: those of a template, and what the admission of the real API server adds. */
export const podDefaults: readonly Default[] = [
  ['', ({ serviceAccount = 'default' }) => ({ serviceAccountName: serviceAccount })],
  ['', ({ serviceAccountName }) => ({ serviceAccount: serviceAccountName })],
  ['', { enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority', priority: 0, tolerations }],
  ...podSpecDefaults,
  // A container asks for what it is limited to, unless it says otherwise; a template leaves that to its pods.
  [`${containers}.resources`, ({ limits }): Fields => (limits === undefined ? {} : { requests: limits })],
];

/** `status.qosClass`: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qualityOfService(spec: Fields): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const resources = [...items(spec, 'containers'), ...items(spec, 'initContainers')].map((container) => ({
    requests: child(child(container, 'resources'), 'requests') ?? {},
    limits: child(child(container, 'resources'), 'limits') ?? {},
  }));
  const isGiven = resources.some((entry) => Object.keys({ ...entry.requests, ...entry.limits }).length > 0);
  if (!isGiven) return 'BestEffort';
  const isGuaranteed = resources.every(({ requests, limits }) =>
    ['cpu', 'memory'].every(
      (name) => limits[name] !== undefined && scalarText(limits[name]) === scalarText(requests[name]),
    ),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
