import { SlipwayError } from '../../base/errors.ts';
import {
  nameOf,
  podTemplateOf,
  referenceOf,
  selectorText,
  type Pod,
  type Workload,
} from '../../kubernetes/workload-objects.ts';
import { isReady } from '../../kubernetes/workload-state.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/** The labels that a Service's endpoints must have. */
type Selector = Readonly<Record<string, string>>;

/** A Service as far as its endpoints depend on it. */
interface Service extends KubernetesObject {
  spec?: { selector?: Selector; type?: string };
}

/** A change of a selector would leave a Service without endpoints. */
export class ServiceSelectorError extends SlipwayError {
  readonly code = 'service-selector';
  readonly fault = 'failure';
}

/**
 * The objects with which a release begins. A Service is applied before the new pods are there, so it keeps its live
 * selector while pods serve by it that the new one would leave out; the new one is written when the new pods are
 * available. All else of the Service is applied at once.
 */
export async function withHeldSelectors(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<KubernetesObject[]> {
  const held: KubernetesObject[] = [];
  for (const object of objects) {
    const selector = await heldSelector(object, cluster, options);
    held.push(selector === undefined ? object : withSpec(object, { ...(object as Service).spec, selector }));
  }
  return held;
}

/** The Services whose live selector is not yet that of the release. */
export async function servicesToSelect(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<KubernetesObject[]> {
  const changed: KubernetesObject[] = [];
  for (const object of objects) {
    if ((await changedSelector(object, cluster, options)) !== undefined) changed.push(object);
  }
  return changed;
}

/** A Service that a release would leave without endpoints, and why. */
export interface SelectorRefusal {
  service: KubernetesObject;
  error: ServiceSelectorError;
}

/**
 * Refuses a release during which a Service would lose its endpoints, see {@link selectorRefusals}.
 * @throws ServiceSelectorError before anything is changed
 */
export async function assertSelectable(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<void> {
  const [refusal] = await selectorRefusals(objects, cluster, options);
  if (refusal !== undefined) throw refusal.error;
}

/**
 * Finds the Services that would lose their endpoints during a release: the new pods match only the new selector and
 * take the place of pods that match only the old one. Changes nothing.
 */
export async function selectorRefusals(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<SelectorRefusal[]> {
  const refusals: SelectorRefusal[] = [];
  for (const service of objects) {
    const live = await heldSelector(service, cluster, options);
    if (live === undefined) continue;
    for (const object of objects) {
      const labels = podTemplateOf(object)?.metadata?.labels ?? {};
      if (object.metadata.namespace !== service.metadata.namespace || isMatch(live, labels)) continue;
      const workload = await cluster.get<Workload>(referenceOf(object), options);
      const before = workload === undefined ? undefined : podTemplateOf(workload)?.metadata?.labels;
      if (before === undefined || !isMatch(live, before)) continue;
      refusals.push({ service, error: refusalOf(service, live, object) });
      break;
    }
  }
  return refusals;
}

function refusalOf(
  service: KubernetesObject,
  live: Selector,
  workload: KubernetesObject,
): ServiceSelectorError {
  const change = `${textOf(live)} to ${textOf(selectorOf(service) ?? {})}`;
  return new ServiceSelectorError(
    `${nameOf(referenceOf(service))}: its selector changes from ${change} together with the pod labels of ${nameOf(referenceOf(workload))}; no selector matches the pods of before and after, so requests would fail`,
    {
      hint: 'release in two steps: first let the Service select by labels that the pods of before and after share, then change the labels',
    },
  );
}

/** The live selector that must stay until the new pods are available; undefined: the new one may be written. */
async function heldSelector(
  object: KubernetesObject,
  cluster: Cluster,
  options: CallOptions,
): Promise<Selector | undefined> {
  const live = await changedSelector(object, cluster, options);
  const { namespace } = object.metadata;
  if (live === undefined || namespace === undefined) return undefined;
  const labelSelector = selectorText({ matchLabels: { ...live } });
  const pods = await cluster.list<Pod>(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace, labelSelector },
    options,
  );
  const wanted = selectorOf(object) ?? {};
  const isServing = pods.some((pod) => isReady(pod) && !isMatch(wanted, pod.metadata.labels ?? {}));
  return isServing ? live : undefined;
}

/** The live selector, where the release changes it to another. */
async function changedSelector(
  object: KubernetesObject,
  cluster: Cluster,
  options: CallOptions,
): Promise<Selector | undefined> {
  const wanted = selectorOf(object);
  if (wanted === undefined) return undefined;
  const service = await cluster.get<Service>(referenceOf(object), options);
  const live = service === undefined ? undefined : selectorOf(service);
  const isSame = live !== undefined && isMatch(live, wanted) && isMatch(wanted, live);
  return isSame ? undefined : live;
}

/** undefined for what is no Service, and for Services that choose no pods. */
function selectorOf(object: KubernetesObject): Selector | undefined {
  const { selector, type } = (object as Service).spec ?? {};
  if (object.kind !== 'Service' || object.apiVersion !== 'v1' || type === 'ExternalName') return undefined;
  return selector !== undefined && Object.keys(selector).length > 0 ? selector : undefined;
}

function isMatch(selector: Selector, labels: Selector): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function textOf(selector: Selector): string {
  return selectorText({ matchLabels: { ...selector } });
}

function withSpec(object: KubernetesObject, spec: Service['spec']): KubernetesObject {
  return { ...object, spec };
}
