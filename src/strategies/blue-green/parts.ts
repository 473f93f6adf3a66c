import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { deploymentsOf, holdingRefusals } from '../held/refusals.ts';
import type { HeldParts } from '../holding.ts';
import { pinnedServices, serviceRefusals, type ServiceSettings } from '../pinned/services.ts';
import type { Refusal } from '../strategy.ts';
import type { BlueGreenSettings } from './settings.ts';

/** Where the file names the Services of a blue/green release. */
export const serviceSettings: ServiceSettings = {
  strategy: 'blueGreen',
  active: 'strategy.blueGreen.activeService',
  preview: 'strategy.blueGreen.previewService',
};

const suffix = '-preview';

/** The parts of a release's objects that a blue/green release holds and moves; undefined where they are refused. */
export function blueGreenParts(
  objects: readonly KubernetesObject[],
  settings: BlueGreenSettings,
): HeldParts | undefined {
  const [deployment] = deploymentsOf(objects);
  if (deployment === undefined) return undefined;
  const services = pinnedServices(deployment, objects, { named: namedIn(settings), suffix });
  return services === undefined ? undefined : { deployment, ...services };
}

/** What of the objects keeps a blue/green release from being made, and why. */
export function blueGreenRefusals(
  objects: readonly KubernetesObject[],
  settings: BlueGreenSettings,
): Refusal[] {
  const [deployment] = deploymentsOf(objects);
  const asked = { named: namedIn(settings), suffix, names: serviceSettings };
  const services = deployment === undefined ? [] : serviceRefusals(deployment, objects, asked);
  return [...holdingRefusals('blueGreen', objects), ...services];
}

function namedIn({ activeService, previewService }: BlueGreenSettings) {
  return { active: activeService, preview: previewService };
}
