import type { Strategy } from '../strategy.ts';
import { decideRolling } from './decide.ts';
import { withRollingUpdate } from './rolling-update.ts';
import { rollingSettings, type RollingSettings } from './settings.ts';
import { rollingState, type RollingState } from './state.ts';
import { rollingSteps } from './steps.ts';

/**
 * Releases by letting Kubernetes replace the pods (Deployment, StatefulSet, DaemonSet) and watching what it does; rolls
 * back to the released revision as soon as the new pods are seen to fail.
 */
export const rolling: Strategy<RollingSettings, RollingState> = {
  name: 'rolling',
  settings: rollingSettings,
  state: rollingState,
  prepare: withRollingUpdate,
  begin: () => ({ phase: 'applying' }),
  observes({ phase }, { revision, stable }) {
    switch (phase) {
      case 'progressing':
      case 'selected':
      case 'cleaned':
        return { workloadsOf: revision };
      case 'restoring':
      case 'restored':
        return stable === undefined ? {} : { workloadsOf: stable };
      case 'applying':
      case 'rollingBack':
        return {};
    }
  },
  decide: decideRolling,
  rollBack: ({ phase }) =>
    phase === 'applying' || phase === 'progressing' || phase === 'selected'
      ? { phase: 'rollingBack' }
      : undefined,
  finishesAlone: ({ phase }) => phase === 'restoring',
  steps: rollingSteps,
};
