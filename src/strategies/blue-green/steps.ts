import { namesOf, type AnalysisNames } from '../analysis-names.ts';
import type { ReleaseFacts } from '../strategy.ts';
import type { BlueGreenSettings } from './settings.ts';

/** What a blue/green release will do, in order. */
export function blueGreenSteps(
  { stable, rollback }: Pick<ReleaseFacts, 'stable' | 'rollback'>,
  { prePromotion, postPromotion }: BlueGreenSettings = {},
): string[] {
  if (stable === undefined)
    return [
      'apply the objects in the order of their dependencies: this is the first release, there are no old pods beside which new ones could start',
      'watch the pods until all are available; on failure stop',
    ];
  const failure =
    rollback === 'never'
      ? 'on failure stop and leave everything as it is (rollback: never)'
      : `on failure move the traffic back, if it has moved, remove the new pods and apply revision ${String(stable)}`;
  return [
    'if no pod changes: apply the objects, and no more',
    'pause the Deployment, and pin the active Service to the old pods',
    'apply the objects with the Deployment held: as many new pods as old ones start beside them, and get no traffic',
    'wait until all new pods are ready and endpoints of the preview Service',
    ...analysisStep(prePromotion),
    'wait for "pipeline release promote", where autoPromote says so',
    'move the traffic in one write of the active Service',
    ...analysisStep(postPromotion),
    'after scaleDownDelay let the Deployment go: the old pods end, and the Service selects as its manifest says',
    failure,
    'remove what the new revision no longer has (prune) and configuration that no kept revision uses',
  ];
}

function analysisStep(names: AnalysisNames | undefined): string[] {
  return names === undefined ? [] : [`analysis ${namesOf(names).join(', ')} must pass`];
}
