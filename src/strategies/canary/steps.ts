import type { ReleaseFacts } from '../strategy.ts';
import { stepText, type CanaryStep } from './settings.ts';

/** What a canary release will do, in order. */
export function canarySteps(
  { stable, rollback }: Pick<ReleaseFacts, 'stable' | 'rollback'>,
  steps: readonly CanaryStep[],
): string[] {
  if (stable === undefined)
    return [
      'apply the objects in the order of their dependencies: this is the first release, there are no old pods to replace a share of',
      'watch the pods until all are available; on failure stop',
    ];
  const failure =
    rollback === 'never'
      ? 'on failure stop and leave everything as it is (rollback: never)'
      : `on failure bring the old pods back, remove the new ones and apply revision ${String(stable)}`;
  return [
    'if no pod changes: apply the objects, and no more',
    'apply the objects with the Deployment held: the first new pods start beside the old ones',
    ...steps.map(
      (step) => `${stepText(step)}${changesPods(step) ? ': as many old pods go as new ones are ready' : ''}`,
    ),
    'replace the rest of the pods',
    failure,
    'remove what the new revision no longer has (prune) and configuration that no kept revision uses',
  ];
}

function changesPods(step: CanaryStep): boolean {
  return 'weight' in step || 'replicas' in step;
}
