import type { ReleaseFacts } from '../strategy.ts';
import { stepsOf, stepText, type CanarySettings, type CanaryStep, type CanaryTraffic } from './settings.ts';

/** What a canary release will do, in order. */
export function canarySteps(
  { stable, rollback }: Pick<ReleaseFacts, 'stable' | 'rollback'>,
  settings: CanarySettings,
): string[] {
  const steps = stepsOf(settings);
  if (stable === undefined)
    return [
      'apply the objects in the order of their dependencies: this is the first release, there are no old pods to replace a share of',
      'watch the pods until all are available; on failure stop',
    ];
  const failure =
    rollback === 'never'
      ? 'on failure stop and leave everything as it is (rollback: never)'
      : `on failure bring the old pods back, remove the new ones and apply revision ${String(stable)}`;
  if (settings.traffic !== undefined) return routedSteps(settings.traffic, steps, rollback, stable);
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

/** With a router the new pods are beside all old ones. */
function routedSteps(
  { httpRoute, ingress }: CanaryTraffic,
  steps: readonly CanaryStep[],
  rollback: ReleaseFacts['rollback'],
  stable: number,
): string[] {
  const router = httpRoute === undefined ? `Ingress ${String(ingress?.name)}` : `HTTPRoute ${httpRoute.name}`;
  const failure =
    rollback === 'never'
      ? 'on failure stop and leave everything as it is (rollback: never)'
      : `on failure send the traffic back, remove the new pods and apply revision ${String(stable)}`;
  return [
    'if no pod changes: apply the objects, and no more',
    'pause the Deployment, and pin the Service to the old pods',
    'apply the objects with the Deployment held: the first new pods start beside the old ones and get a Service of their own',
    ...steps.map(
      (step) =>
        `${stepText(step)}${'weight' in step ? ` of ${router}, when as many new pods as carry it are ready` : ''}`,
    ),
    `all traffic to as many new pods as there are old ones; then the Service selects them, and ${router} is as it was`,
    'after scaleDownDelay let the Deployment go: the old pods end, and the Service selects as its manifest says',
    failure,
    'remove what the new revision no longer has (prune) and configuration that no kept revision uses',
  ];
}

function changesPods(step: CanaryStep): boolean {
  return 'weight' in step || 'replicas' in step;
}
