import { defined } from '../../../../src/base/defined.ts';
import { heldFields, type RolloutFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import type { Hold } from '../../../../src/strategies/canary/input.ts';
import type { CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import type { CanaryState } from '../../../../src/strategies/canary/state.ts';
import type { DeploymentHolding, SeenDeployment } from '../../../../src/strategies/holding.ts';
import type {
  Decision,
  DecisionInput,
  ObservedWorkload,
  ReleaseFacts,
} from '../../../../src/strategies/strategy.ts';

export const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' };

/** The rollout fields of the Deployment before the release, and in the manifest. */
export const before = { maxSurge: 1, maxUnavailable: 0 };
export const old = { name: 'web-a', hash: 'a', wanted: 3, present: 3, ready: 3 };
export const fresh = { name: 'web-b', hash: 'b', wanted: 1, present: 1, ready: 1 };
export const mark = { revision: 2, step: '', since: '2026-01-01T00:00:00Z', end: '', before, stable: 'a' };
export const hold: Hold = { stable: 'a', candidate: 'b', before };

/** Four steps: a share, a pause for a time, a share, a pause for a person. */
export const settings: CanarySettings = {
  steps: [{ weight: 25 }, { pause: '2m' }, { weight: 50 }, { pause: true }],
};

/** Four pods, one of them new, at rest. */
export const resting: SeenDeployment = {
  ...{ reference, resourceVersion: '7', isObserved: true, desired: 4, mark },
  ...{ fields: { ...heldFields, maxSurge: 0, maxUnavailable: '25%', paused: true } },
  ...{ live: fresh, sets: [old, fresh] },
};

/** As a step has started it: a new pod may come beside the old ones. */
export const starting: SeenDeployment = { ...resting, fields: { ...heldFields, maxSurge: 1 } };

/** As it is written while all but the pods of one ReplicaSet go. */
export const completing: RolloutFields = { ...before, paused: false, maxSurge: '100%' };

/** Four old pods, and no release that holds them. */
const serving = { name: 'web-a', hash: 'a', wanted: 4, present: 4, ready: 4 };
const { mark: _, ...unmarked } = resting;
export const untouched: SeenDeployment = { ...unmarked, fields: before, live: serving, sets: [serving] };

export const facts: ReleaseFacts = {
  ...{ revision: 2, stable: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} },
};

interface Situation {
  state: CanaryState;
  /** Missing: it was deleted. */
  deployment?: SeenDeployment | undefined;
  phaseMs?: number;
  release?: Partial<ReleaseFacts>;
  changesPods?: boolean;
  /** Of the manifest. */
  replicas?: number;
  /** Of the manifest. */
  fields?: RolloutFields;
  settings?: CanarySettings;
  workloads?: readonly ObservedWorkload[];
  analyses?: DecisionInput['analyses'];
}

/** The decision of a canary release that sees its Deployment. */
export function decide(situation: Situation): Decision<CanaryState> {
  const { state, deployment, phaseMs = 0, release, workloads = [] } = situation;
  const { changesPods = true, replicas = 4, fields = before, analyses } = situation;
  const holding: DeploymentHolding = {
    manifest: { deployment: reference, replicas, fields },
    changesPods,
    ...defined({ deployment }),
  };
  return canary.decide({
    release: { ...facts, ...release },
    settings: situation.settings ?? settings,
    state,
    observed: { type: 'seen', workloads, holding },
    phaseMs,
    ...defined({ analyses }),
  });
}

/** A phase of a release that holds its Deployment, in a step counted from 0. */
export function at(phase: CanaryState['phase'], step = 0): CanaryState {
  return { phase, step, hold };
}
