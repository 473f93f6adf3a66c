import { hasTraffic, type DeploymentHolding } from '../../strategies/holding.ts';
import type { ObservedWorkload } from '../../strategies/strategy.ts';

/**
 * Workloads with the traffic that the ready endpoints of the held Service, and its router, give to each of their tracks:
 * that is not their share of the ready pods.
 */
export function withTraffic(
  workloads: readonly ObservedWorkload[],
  holding: DeploymentHolding | undefined,
): readonly ObservedWorkload[] {
  if (holding?.deployment === undefined || !hasTraffic(holding) || holding.active === undefined)
    return workloads;
  const { deployment, router } = holding;
  const { endpoints } = holding.active;
  const total = Object.values(endpoints).reduce((sum, count) => sum + count, 0);
  const hashes = new Map(deployment.sets.map(({ name, hash }) => [name, hash]));
  const served = (hash: string) => (total === 0 ? 0 : (100 * (endpoints[hash] ?? 0)) / total);
  const percent = typeof router?.share === 'number' ? router.share : 0;
  // What a router does not send to the Service of the new pods goes by the other one.
  const weightOf = (hash: string) =>
    Math.round((served(hash) * (100 - percent)) / 100 + (hash === deployment.live?.hash ? percent : 0));
  return workloads.map((workload) => ({
    ...workload,
    tracks: workload.tracks.map((track) => {
      const hash = hashes.get(track.workload);
      return hash === undefined ? track : { ...track, weight: weightOf(hash) };
    }),
  }));
}
