import type { Strategy } from '../strategy.ts';
import { decideRolling, followedRevision } from './decide.ts';

/**
 * Releases by letting Kubernetes replace the pods (Deployment, StatefulSet, DaemonSet) and following what it does;
 * goes back to the released revision as soon as the new pods are seen to fail.
 */
export const rolling: Strategy = {
  name: 'rolling',
  decide: decideRolling,
  followed: followedRevision,
  steps: ({ stable, rollback }) => [
    'apply the objects in the order of their dependencies',
    'let Kubernetes replace the pods, and follow the new ones until all are ready and the old ones are gone',
    stable === undefined
      ? 'on failure stop: this is the first release, there is nothing to go back to'
      : rollback === 'never'
        ? 'on failure stop and leave everything as it is (rollback: never)'
        : `on failure go back to revision ${String(stable)}`,
    'remove what the new revision no longer has (prune) and configuration that no kept revision uses',
  ],
};
