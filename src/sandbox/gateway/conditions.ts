import { items, text } from '../kinds/fields.ts';
import type { Fields } from '../../base/fields.ts';
import type { StoredObject } from '../store/objects.ts';

/** The group of the Gateway API. */
export const gatewayGroup = 'gateway.networking.k8s.io';

/** Who the gateway is in GatewayClasses, IngressClasses and the statuses of routes. */
export const controllerName = 'slipway.dev/sandbox-gateway';

/** A condition as the gateway wants it, before it is known since when. */
export interface WantedCondition {
  type: string;
  isTrue: boolean;
  reason: string;
  message?: string;
}

/** The conditions of `owner` as they are written: the time of the transition is kept where the status stays. */
export function conditionsOf(
  owner: StoredObject,
  wanted: readonly WantedCondition[],
  { before, now }: { before: Fields | undefined; now: string },
): Fields[] {
  return wanted.map(({ type, isTrue, reason, message = '' }) => {
    const status = isTrue ? 'True' : 'False';
    const old = items(before, 'conditions').find((condition) => condition['type'] === type);
    const since = old?.['status'] === status ? text(old, 'lastTransitionTime') : undefined;
    const observedGeneration = owner.metadata.generation ?? 0;
    return { type, status, reason, message, observedGeneration, lastTransitionTime: since ?? now };
  });
}
