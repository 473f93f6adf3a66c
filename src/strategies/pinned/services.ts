import { hashLabel } from '../../kubernetes/replica-sets.ts';
import { nameOf, podTemplateOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { rollingHint } from '../held/refusals.ts';
import type { Refusal } from '../strategy.ts';

interface Service extends KubernetesObject {
  spec?: { selector?: Record<string, string> };
}

/** Where a strategy's settings name its Services, for messages: `strategy.blueGreen.activeService`. */
export interface ServiceSettings {
  strategy: string;
  active: string;
  preview: string;
}

/** The Services that a file names; missing: they are found, or called after the other one. */
export interface NamedServices {
  active?: string | undefined;
  preview?: string | undefined;
}

/** The Service whose traffic moves, and the name of the one that the release makes for the new pods. */
export function pinnedServices(
  deployment: Workload,
  objects: readonly KubernetesObject[],
  { named, suffix }: { named: NamedServices; suffix: string },
): { service: KubernetesObject; previewName: string } | undefined {
  const service = activeService(deployment, objects, named.active);
  if (service === undefined) return undefined;
  return { service, previewName: named.preview ?? `${service.metadata.name}${suffix}` };
}

function selecting(deployment: Workload, objects: readonly KubernetesObject[]): Service[] {
  const labels = podTemplateOf(deployment)?.metadata?.labels ?? {};
  return objects.filter((object): object is Service => {
    const selector = Object.entries((object as Service).spec?.selector ?? {});
    const isService = object.kind === 'Service' && object.apiVersion === 'v1' && selector.length > 0;
    const isNear = object.metadata.namespace === deployment.metadata.namespace;
    return (
      isService && isNear && selector.every(([key, value]) => key === hashLabel || labels[key] === value)
    );
  });
}

function activeService(
  deployment: Workload,
  objects: readonly KubernetesObject[],
  named: string | undefined,
): Service | undefined {
  const found = selecting(deployment, objects);
  if (named !== undefined) return found.find(({ metadata }) => metadata.name === named);
  return found.length === 1 ? found[0] : undefined;
}

/** What of the Services keeps a release from moving their traffic, and why. */
export function serviceRefusals(
  deployment: Workload,
  objects: readonly KubernetesObject[],
  { named, suffix, names }: { named: NamedServices; suffix: string; names: ServiceSettings },
): Refusal[] {
  const name = nameOf(referenceOf(deployment));
  const found = selecting(deployment, objects);
  const active = activeService(deployment, objects, named.active);
  if (active === undefined) return [noService(name, { named: named.active, found, names })];
  const refusals: Refusal[] = [];
  if (active.spec?.selector?.[hashLabel] !== undefined)
    refusals.push({
      object: active,
      field: `spec.selector.${hashLabel}`,
      message: `${nameOf(referenceOf(active))} selects by ${hashLabel}, which ${names.strategy} itself writes`,
      hint: 'take the label out of the selector',
    });
  const preview = named.preview ?? `${active.metadata.name}${suffix}`;
  const taken = objects.find(
    ({ kind, metadata }) =>
      kind === 'Service' && metadata.name === preview && metadata.namespace === active.metadata.namespace,
  );
  if (taken !== undefined)
    refusals.push({
      object: taken,
      field: 'metadata.name',
      message: `Service ${preview} is made by the release for its new pods and removed at its end, and the manifests have it too`,
      hint: `take it out of the manifests, or give ${names.preview} another name`,
    });
  if (preview.length > 63)
    refusals.push({
      object: active,
      field: 'metadata.name',
      message: `the name of the Service of the new pods, ${preview}, has more than 63 characters`,
      hint: `set ${names.preview}`,
    });
  return refusals;
}

function noService(
  deployment: string,
  { named, found, names }: { named: string | undefined; found: readonly Service[]; names: ServiceSettings },
): Refusal {
  const list = found.map(({ metadata }) => metadata.name).join(', ');
  const [, second] = found;
  if (named !== undefined)
    return {
      message: `the manifests have no Service ${named} that selects the pods of ${deployment}`,
      hint: list === '' ? 'add it to the manifests' : `${names.active} may be: ${list}`,
    };
  if (second === undefined)
    return {
      message: `no Service of the manifests selects the pods of ${deployment}, so that there is no traffic to move`,
      hint: `add the Service to the manifests, or ${rollingHint}`,
    };
  return {
    object: second,
    field: 'spec.selector',
    message: `several Services select the pods of ${deployment}: ${list}`,
    hint: `name the one whose traffic moves: ${names.active}`,
  };
}
