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
