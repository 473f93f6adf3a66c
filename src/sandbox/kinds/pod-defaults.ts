import type { Fields } from './fields.ts';
import { child, ensure, fill, items, scalarText, text } from './fields.ts';

const podSpec = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  securityContext: {},
  schedulerName: 'default-scheduler',
};
/** What admission adds to a pod, but not to a template. */
const admittedPod = {
  serviceAccountName: 'default',
  enableServiceLinks: true,
  preemptionPolicy: 'PreemptLowerPriority',
  priority: 0,
  tolerations: ['not-ready', 'unreachable'].map((state) => ({
    effect: 'NoExecute',
    key: `node.kubernetes.io/${state}`,
    operator: 'Exists',
    tolerationSeconds: 300,
  })),
};
const container = {
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};
const probe = { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 };
const httpGet = { path: '/', scheme: 'HTTP' };
/** Volume sources whose files get a mode. */
const sourcesWithMode = ['configMap', 'secret', 'downwardAPI', 'projected'];

/** Always for `latest` and for no tag; a digest or another tag is taken when it is not present. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function fillContainer(target: Fields): void {
  fill(target, { ...container, imagePullPolicy: defaultPullPolicy(text(target, 'image') ?? '') });
  for (const port of items(target, 'ports')) fill(port, { protocol: 'TCP' });
  for (const variable of items(target, 'env')) {
    const reference = child(child(variable, 'valueFrom'), 'fieldRef');
    if (reference !== undefined) fill(reference, { apiVersion: 'v1' });
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const check = child(target, name);
    if (check === undefined) continue;
    fill(check, probe);
    const get = child(check, 'httpGet');
    if (get !== undefined) fill(get, httpGet);
    const grpc = child(check, 'grpc');
    if (grpc !== undefined) fill(grpc, { service: '' });
  }
  for (const hook of ['postStart', 'preStop']) {
    const get = child(child(child(target, 'lifecycle'), hook), 'httpGet');
    if (get !== undefined) fill(get, httpGet);
  }
}

function fillVolume(volume: Fields): void {
  if (Object.keys(volume).length === 1) volume['emptyDir'] = {};
  for (const source of sourcesWithMode) {
    const given = child(volume, source);
    if (given !== undefined) fill(given, { defaultMode: 420 });
  }
  const hostPath = child(volume, 'hostPath');
  if (hostPath !== undefined) fill(hostPath, { type: '' });
  const references = [child(volume, 'downwardAPI'), ...items(child(volume, 'projected'), 'sources')];
  for (const item of references.flatMap((source) => items(source, 'items'))) {
    const reference = child(item, 'fieldRef');
    if (reference !== undefined) fill(reference, { apiVersion: 'v1' });
  }
  for (const source of items(child(volume, 'projected'), 'sources')) {
    const token = child(source, 'serviceAccountToken');
    if (token !== undefined) fill(token, { expirationSeconds: 3600 });
  }
}

/** Fills the defaults of a pod template's spec. */
export function fillPodSpec(spec: Fields): void {
  fill(spec, podSpec);
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    for (const target of items(spec, list)) fillContainer(target);
  }
  for (const volume of items(spec, 'volumes')) fillVolume(volume);
  if (spec['hostNetwork'] === true) {
    for (const port of items(spec, 'containers').flatMap((target) => items(target, 'ports'))) {
      fill(port, { hostPort: port['containerPort'] });
    }
  }
}

/** A pod's container asks for what it is limited to, unless it says otherwise; a template leaves that to its pods. */
function fillRequests(target: Fields): void {
  const resources = ensure(target, 'resources');
  const limits = child(resources, 'limits');
  if (limits !== undefined) fill(ensure(resources, 'requests'), limits);
}

/** Fills the defaults of a pod, with what the admission of the real API server adds. */
export function fillPod(spec: Fields): void {
  if (spec['serviceAccountName'] === undefined && typeof spec['serviceAccount'] === 'string') {
    spec['serviceAccountName'] = spec['serviceAccount'];
  }
  fill(spec, admittedPod);
  spec['serviceAccount'] = spec['serviceAccountName'];
  fillPodSpec(spec);
  for (const target of [...items(spec, 'containers'), ...items(spec, 'initContainers')]) fillRequests(target);
}

/** `status.qosClass`: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qualityOfService(spec: Fields): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const resources = [...items(spec, 'containers'), ...items(spec, 'initContainers')].map((target) =>
    child(target, 'resources'),
  );
  const given = resources.flatMap((entry) => [child(entry, 'requests'), child(entry, 'limits')]);
  if (given.every((entry) => entry === undefined || Object.keys(entry).length === 0)) return 'BestEffort';
  const guaranteed = resources.every((entry) =>
    ['cpu', 'memory'].every((name) => {
      const limit = child(entry, 'limits')?.[name];
      return limit !== undefined && scalarText(limit) === scalarText(child(entry, 'requests')?.[name]);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
