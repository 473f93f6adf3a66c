import type { ReleaseFacts } from '../strategy.ts';

/** What a rolling release will do, in order. */
export function rollingSteps({ stable, rollback }: Pick<ReleaseFacts, 'stable' | 'rollback'>): string[] {
  return [
    'apply the objects in the order of their dependencies',
    'let Kubernetes replace the pods, and watch the new ones until all are available and the old ones are gone',
    stable === undefined
      ? 'on failure stop: this is the first release, there is nothing to roll back to'
      : rollback === 'never'
        ? 'on failure stop and leave everything as it is (rollback: never)'
        : `on failure roll back to revision ${String(stable)}`,
    'remove what the new revision no longer has (prune) and configuration that no kept revision uses',
  ];
}
