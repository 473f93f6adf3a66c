import { hasTraffic, type DeploymentHolding } from '../../strategies/holding.ts';
import type { ObservedWorkload } from '../../strategies/strategy.ts';

/**
 * Workloads with the traffic that the ready endpoints of the held Service give to each of their tracks: while it is pinned
 * that is not their share of the ready pods.
 */
export function withTraffic(
  workloads: readonly ObservedWorkload[],
  holding: DeploymentHolding | undefined,
): readonly ObservedWorkload[] {
  if (holding?.deployment === undefined || !hasTraffic(holding) || holding.active === undefined)
    return workloads;
  const { endpoints } = holding.active;
  const total = Object.values(endpoints).reduce((sum, count) => sum + count, 0);
  const hashes = new Map(holding.deployment.sets.map(({ name, hash }) => [name, hash]));
  const weightOf = (hash: string) => (total === 0 ? 0 : Math.round((100 * (endpoints[hash] ?? 0)) / total));
  return workloads.map((workload) => ({
    ...workload,
    tracks: workload.tracks.map((track) => {
      const hash = hashes.get(track.workload);
      return hash === undefined ? track : { ...track, weight: weightOf(hash) };
    }),
  }));
}
