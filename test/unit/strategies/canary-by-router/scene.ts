import { defined } from '../../../../src/base/defined.ts';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import type { CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import type { CanaryState } from '../../../../src/strategies/canary/state.ts';
import type { Holding, SeenDeployment, SeenRouter } from '../../../../src/strategies/holding.ts';
import type { Decision, DecisionInput, ReleaseFacts } from '../../../../src/strategies/strategy.ts';

const names = { namespace: 'shop', name: 'web' };
export const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', ...names };
export const service = { apiVersion: 'v1', kind: 'Service', ...names };
export const route = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', ...names };

/** The rollout fields of the Deployment before the release, and in the manifest. */
export const before = { maxSurge: 1, maxUnavailable: 0 };
export const old = { name: 'web-a', hash: 'a', wanted: 4, present: 4, ready: 4 };
export const fresh = { name: 'web-b', hash: 'b', wanted: 2, present: 2, ready: 2 };
export const mark = { revision: 2, step: '', since: '2026-01-01T00:00:00Z', end: '', before, stable: 'a' };
export const hold = { stable: 'a', candidate: 'b', before, selector: { app: 'web' } };

export const settings: CanarySettings = {
  traffic: { httpRoute: { name: 'web' } },
  steps: [{ weight: 20 }, { pause: true }, { weight: 75 }, { replicas: 4 }, { weight: 10 }],
};

/** Four old pods and two new ones, at rest. */
export const resting: SeenDeployment = {
  ...{ reference: deployment, resourceVersion: '7', isObserved: true, desired: 4, mark },
  ...{ fields: { ...heldFields, maxSurge: 2, paused: true }, live: fresh, sets: [old, fresh] },
};

/** New pods may come. */
export const starting: SeenDeployment = { ...resting, fields: { ...heldFields, maxSurge: 2 } };

/** A Deployment with so many pods at rest, so many of them ready. */
export function restingWith(counts: {
  old?: number;
  fresh?: number;
  ready?: number;
  desired?: number;
}): SeenDeployment {
  const { old: oldCount = 4, fresh: count = 2, ready = count, desired = 4 } = counts;
  const live = { ...fresh, wanted: count, present: count, ready };
  const sets = [{ ...old, wanted: oldCount, present: oldCount, ready: oldCount }, live];
  return { ...resting, desired, live, sets };
}

export const router: SeenRouter = { reference: route, resourceVersion: '9', share: 20, isInForce: true };

interface Situation {
  state: CanaryState;
  deployment?: SeenDeployment | undefined;
  router?: Partial<SeenRouter> | 'none';
  /** Hash to which the Service is pinned; none: it is not. */
  pin?: string | undefined;
  /** Ready endpoints of the Service, and of that of the new pods. */
  active?: Record<string, number>;
  /** none: it is not there. */
  preview?: Record<string, number> | 'none';
  phaseMs?: number;
  release?: Partial<ReleaseFacts>;
  changesPods?: boolean;
  settings?: CanarySettings;
  analyses?: DecisionInput['analyses'];
}

/** The decision of a canary release whose traffic a route shares out; by default it rests with 2 of 4 pods at 20 %. */
export function decide(situation: Situation): Decision<CanaryState> {
  const { state, phaseMs = 0, preview = { b: 2 }, active = { a: 4 } } = situation;
  const pin = 'pin' in situation ? situation.pin : 'a';
  const seen = 'deployment' in situation ? situation.deployment : resting;
  const selector = { app: 'web', ...(pin === undefined ? {} : { 'pod-template-hash': pin }) };
  const holding: Holding = {
    manifest: { deployment, replicas: 4, fields: before, service, selector: { app: 'web' } },
    ...{ previewName: 'web-canary', isPreviewTaken: false, changesPods: situation.changesPods ?? true },
    active: { reference: service, resourceVersion: '8', selector, endpoints: active },
    ...(preview === 'none'
      ? {}
      : {
          preview: {
            reference: { ...service, name: 'web-canary' },
            ...{ resourceVersion: '5', selector: { app: 'web' }, endpoints: preview },
          },
        }),
    ...(situation.router === 'none' ? {} : { router: { ...router, ...situation.router } }),
    ...defined({ deployment: seen }),
  };
  return canary.decide({
    release: {
      ...{ revision: 2, stable: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} },
      ...situation.release,
    },
    settings: situation.settings ?? settings,
    state,
    observed: { type: 'seen', workloads: [], holding },
    phaseMs,
    ...defined({ analyses: situation.analyses }),
  });
}

/** A phase of a release whose new pods have a share, or are to get one, in a step counted from 0. */
export function at(
  phase: CanaryState['phase'],
  { step = 0, aim = { weight: 20, next: 1 } }: { step?: number; aim?: NonNullable<CanaryState['aim']> } = {},
): CanaryState {
  return { phase, step, aim, hold };
}

/** What is written, in a few words; the decision itself where it writes nothing. */
export function written(decision: Decision<CanaryState>): unknown {
  if (decision.type !== 'act') return decision;
  const { action, next } = decision;
  if (action.type === 'route')
    return { route: action.percent ?? 'own', phase: next.phase, ...defined({ tester: action.tester }) };
  if (action.type === 'rollout') {
    const { fields, replicaSet, step } = action;
    return { rollout: fields, phase: next.phase, ...defined({ replicaSet, step }) };
  }
  return { [action.type]: action, phase: next.phase };
}
