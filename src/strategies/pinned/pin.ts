import { defined } from '../../base/defined.ts';
import { hashLabel } from '../../kubernetes/replica-sets.ts';
import type { Holding, HoldingAction, SeenService, Selector } from '../holding.ts';

type SelectPods = Extract<HoldingAction, { type: 'selectPods' }>;

/** The hash to which a Service is pinned. */
export function pinOf(service: SeenService | undefined): string | undefined {
  return service?.selector[hashLabel];
}

/** A selector that picks the pods of one ReplicaSet. */
export function pinned(selector: Selector, hash: string): Selector {
  return { ...selector, [hashLabel]: hash };
}

/** A selector without its pin. */
export function unpinned({ [hashLabel]: _, ...selector }: Selector): Selector {
  return selector;
}

/** Gives the active Service a selector, as it was seen; with `revision` all else that the revision says of it, too. */
export function selectPods({ active, manifest }: Holding, selector: Selector, revision?: number): SelectPods {
  return {
    type: 'selectPods',
    service: manifest.service,
    ...defined({ resourceVersion: active?.resourceVersion, revision }),
    selector,
  };
}

/** The active Service as it is, without its pin. */
export function unpin(holding: Holding): SelectPods {
  return selectPods(holding, unpinned(holding.active?.selector ?? holding.manifest.selector));
}

/** Makes the Service of the new pods, which has them alone. */
export function previewOf(
  { manifest, previewName: name }: Holding,
  revision: number,
  candidate: string,
): Extract<HoldingAction, { type: 'preview' }> {
  const selector = pinned(manifest.selector, candidate);
  return { type: 'preview', active: manifest.service.name, revision, name, selector };
}

/** Whether the traffic is the new pods': in a phase before that, the answer to the write that moved it was lost. */
export function isMoved(active: SeenService | undefined, candidate: string | undefined): boolean {
  return candidate !== undefined && pinOf(active) === candidate;
}

/** Whether the new pods can carry what the old ones do: as many are ready, and were seen in the preview's endpoints. */
export function isServable({ deployment, preview }: Holding, candidate = ''): boolean {
  const { desired = 0, live } = deployment ?? {};
  const ready = Math.min(live?.ready ?? 0, preview?.endpoints[candidate] ?? 0);
  return live?.hash === candidate && desired > 0 && ready >= desired;
}

/** Whether the ready endpoints of a Service are the pods of one ReplicaSet, and some of them. */
export function hasAllTraffic(service: SeenService | undefined, hash: string): boolean {
  const hashes = Object.keys(service?.endpoints ?? {});
  return hashes.length > 0 && hashes.every((each) => each === hash);
}

/** Whether a Service has ready endpoints. */
export function hasEndpoints(service: SeenService | undefined): boolean {
  return Object.values(service?.endpoints ?? {}).some((count) => count > 0);
}
