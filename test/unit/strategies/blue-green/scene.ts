import { defined } from '../../../../src/base/defined.ts';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { decideBlueGreen } from '../../../../src/strategies/blue-green/decide.ts';
import type { BlueGreenDecision, Hold } from '../../../../src/strategies/blue-green/input.ts';
import type { BlueGreenSettings } from '../../../../src/strategies/blue-green/settings.ts';
import type { BlueGreenState } from '../../../../src/strategies/blue-green/state.ts';
import type { Holding, SeenDeployment, SeenService } from '../../../../src/strategies/holding.ts';
import type { DecisionInput, ObservedWorkload, ReleaseFacts } from '../../../../src/strategies/strategy.ts';

export const deploymentReference = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
};
export const serviceReference = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' };
export const previewReference = { ...serviceReference, name: 'web-preview' };

/** The rollout fields of the Deployment before the release. */
export const own = { minReadySeconds: 5, maxSurge: 1, maxUnavailable: 0 };
export const oldPods = { name: 'web-a', hash: 'a', wanted: 2, present: 2, ready: 2 };
export const newPods = { name: 'web-b', hash: 'b', wanted: 2, present: 2, ready: 2 };
export const mark = {
  revision: 2,
  step: 'all new pods are ready',
  since: '2026-01-01T00:00:00Z',
  end: '',
  before: own,
};
export const hold: Hold = { stable: 'a', candidate: 'b', before: own, selector: { app: 'web' } };
export const completing = { ...own, paused: false, maxSurge: '100%', maxUnavailable: 0 };

const common = { reference: deploymentReference, resourceVersion: '7', isObserved: true, desired: 2 };

/** The Deployment that no release holds, with the old pods alone. */
export const untouched: SeenDeployment = { ...common, fields: own, live: oldPods, sets: [oldPods] };

/** The Deployment that a release holds, with old and new pods. */
export const held: SeenDeployment = {
  ...common,
  ...{ mark, fields: { ...heldFields, paused: true }, live: newPods, sets: [oldPods, newPods] },
};

/** The active Service, pinned to the pods of a hash or to none. */
export function active(pin?: string, endpoints: Record<string, number> = { [pin ?? 'a']: 2 }): SeenService {
  const selector = { app: 'web', ...(pin === undefined ? {} : { 'pod-template-hash': pin }) };
  return { reference: serviceReference, resourceVersion: '8', selector, endpoints };
}

/** The preview Service, with endpoints of the new pods. */
export function preview(endpoints: Record<string, number> = { b: 2 }): SeenService {
  const selector = { app: 'web', 'pod-template-hash': 'b' };
  return { reference: previewReference, resourceVersion: '9', selector, endpoints };
}

/** What is seen, with the manifests' part of it. */
export function holdingOf(seen: Partial<Holding>): Holding {
  return {
    manifest: {
      deployment: deploymentReference,
      replicas: 2,
      fields: { maxSurge: 1, maxUnavailable: 0 },
      service: serviceReference,
      selector: { app: 'web' },
    },
    previewName: 'web-preview',
    isPreviewTaken: false,
    ...seen,
  };
}

export const facts: ReleaseFacts = {
  ...{ revision: 2, stable: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} },
};

/** What a test changes of a decision's input. */
interface Change {
  state?: Partial<BlueGreenState>;
  release?: Partial<ReleaseFacts>;
  settings?: BlueGreenSettings;
  workloads?: readonly ObservedWorkload[];
  phaseMs?: number;
  analyses?: DecisionInput['analyses'];
}

/** The decision in a phase, with a hold. */
export function decideIn(
  phase: BlueGreenState['phase'],
  holding: Holding,
  { state = { hold }, release = {}, settings = {}, workloads = [], phaseMs = 0, analyses }: Change = {},
): BlueGreenDecision {
  return decideBlueGreen({
    release: { ...facts, ...release },
    settings,
    state: { phase, ...state },
    observed: { type: 'seen', workloads, holding },
    phaseMs,
    ...defined({ analyses }),
  });
}

/** The release without a stable revision. */
export const firstRelease: ReleaseFacts = {
  ...{ revision: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} },
};
