import { defined } from '../../base/defined.ts';
import type { SeenRouter } from '../holding.ts';
import type { RoutedDecision, RoutedInput, RoutedState } from './input.ts';
import { routerOf } from './parts.ts';

/** A write of the router: so many percent for the new pods; without `percent` its own backends alone. */
export function route(
  { holding, settings }: RoutedInput,
  { reference, resourceVersion }: SeenRouter,
  { percent, next }: { percent?: number; next: RoutedState },
): RoutedDecision {
  const { manifest, previewName } = holding;
  const service = manifest.service.name;
  const tester = percent === undefined ? undefined : routerOf(settings)?.tester;
  const message =
    percent === undefined
      ? `${reference.kind} ${reference.name} sends all traffic to ${service}`
      : `${reference.kind} ${reference.name} sends ${String(percent)} % of the traffic to the new pods`;
  return {
    type: 'act',
    action: {
      ...{ type: 'route', router: reference, resourceVersion, service, candidate: previewName },
      ...defined({ percent, tester }),
    },
    next,
    message,
  };
}
