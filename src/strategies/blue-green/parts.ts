import { hashLabel } from '../../kubernetes/replica-sets.ts';
import { nameOf, podTemplateOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { deploymentsOf, holdingRefusals, rollingHint } from '../held/refusals.ts';
import type { HeldParts } from '../holding.ts';
import type { Refusal } from '../strategy.ts';
import type { BlueGreenSettings } from './settings.ts';

interface Service extends KubernetesObject {
  spec?: { selector?: Record<string, string> };
}

/** The parts of a release's objects that a blue/green release holds and moves; undefined where they are refused. */
export function blueGreenParts(
  objects: readonly KubernetesObject[],
  settings: BlueGreenSettings,
): HeldParts | undefined {
  const [deployment] = deploymentsOf(objects);
  const service = deployment === undefined ? undefined : activeService(deployment, objects, settings);
  if (deployment === undefined || service === undefined) return undefined;
  return { deployment, service, previewName: settings.previewService ?? `${service.metadata.name}-preview` };
}

/** What of the objects keeps a blue/green release from being made, and why. */
export function blueGreenRefusals(
  objects: readonly KubernetesObject[],
  settings: BlueGreenSettings,
): Refusal[] {
  const [deployment] = deploymentsOf(objects);
  const services = deployment === undefined ? [] : serviceRefusals(deployment, objects, settings);
  return [...holdingRefusals('blueGreen', objects), ...services];
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
  { activeService: named }: BlueGreenSettings,
): Service | undefined {
  const found = selecting(deployment, objects);
  if (named !== undefined) return found.find(({ metadata }) => metadata.name === named);
  return found.length === 1 ? found[0] : undefined;
}

function serviceRefusals(
  deployment: Workload,
  objects: readonly KubernetesObject[],
  settings: BlueGreenSettings,
): Refusal[] {
  const name = nameOf(referenceOf(deployment));
  const found = selecting(deployment, objects);
  const active = activeService(deployment, objects, settings);
  if (active === undefined) return [noService(name, settings.activeService, found)];
  const refusals: Refusal[] = [];
  if (active.spec?.selector?.[hashLabel] !== undefined)
    refusals.push({
      object: active,
      field: `spec.selector.${hashLabel}`,
      message: `${nameOf(referenceOf(active))} selects by ${hashLabel}, which blueGreen itself writes`,
      hint: 'take the label out of the selector',
    });
  const preview = settings.previewService ?? `${active.metadata.name}-preview`;
  const taken = objects.find(
    ({ kind, metadata }) =>
      kind === 'Service' && metadata.name === preview && metadata.namespace === active.metadata.namespace,
  );
  if (taken !== undefined)
    refusals.push({
      object: taken,
      field: 'metadata.name',
      message: `the preview Service ${preview} is made by the release and removed at its end, and the manifests have it too`,
      hint: 'take it out of the manifests, or give previewService another name',
    });
  if (preview.length > 63)
    refusals.push({
      object: active,
      field: 'metadata.name',
      message: `the name of the preview Service, ${preview}, has more than 63 characters`,
      hint: 'set strategy.blueGreen.previewService',
    });
  return refusals;
}

function noService(deployment: string, named: string | undefined, found: readonly Service[]): Refusal {
  const names = found.map(({ metadata }) => metadata.name).join(', ');
  const [, second] = found;
  if (named !== undefined)
    return {
      message: `the manifests have no Service ${named} that selects the pods of ${deployment}`,
      hint: names === '' ? 'add it to the manifests' : `activeService may be: ${names}`,
    };
  if (second === undefined)
    return {
      message: `no Service of the manifests selects the pods of ${deployment}, so that there is no traffic to move`,
      hint: `add the Service to the manifests, or ${rollingHint}`,
    };
  return {
    object: second,
    field: 'spec.selector',
    message: `several Services select the pods of ${deployment}: ${names}`,
    hint: 'name the one whose traffic moves: strategy.blueGreen.activeService',
  };
}
