import fc from 'fast-check';
import { SlipwayError } from '../../../src/base/errors.ts';
import { parseRecord, type ReleaseRecord } from '../../../src/release/record/release-record.ts';
import type { ReleaseResult } from '../../../src/release/reconcile.ts';
import { releaseObjects, type ReleaseObjectsRequest } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import type { PodBehaviour } from '../../fakes/deployment-controller.ts';
import type { Fault, World } from './release-world.ts';

/** What befalls one runner of a release. */
export interface Course {
  faults: readonly Fault[];
  /** Virtual milliseconds after which it is cancelled. */
  abortMs?: number | undefined;
}

/** Up to three faults, each at one of a runner's calls to the API. */
export function faultsAt(call: fc.Arbitrary<number>): fc.Arbitrary<Fault[]> {
  const type = fc.constantFrom<Fault['type']>('refused', 'lost', 'diesBefore', 'diesAfter');
  return fc.array(fc.record<Fault>({ at: call, type }), { maxLength: 3 });
}

/** What befalls up to three runners of a held release, which makes some 400 calls, most of them at its begin and its end. */
export const courses: fc.Arbitrary<Course[]> = fc.array(
  fc.record({
    faults: faultsAt(fc.oneof(fc.nat({ max: 120 }), fc.nat({ max: 500 }))),
    abortMs: fc.option(fc.nat({ max: 40_000 }), { nil: undefined, freq: 4 }),
  }),
  { maxLength: 3 },
);

/** How the pods of the new version behave. */
export const behaviours = fc.constantFrom<PodBehaviour>('ready', 'ready', 'crash', 'imagePull', 'never');

/** Numbers that look random and are the same for the same seed. */
export function chooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return count === 0 ? 0 : (state >> 8) % count;
  };
}

/** The record of the releases. */
export function recordOf(world: World): ReleaseRecord {
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
  const map = world.cluster.peek(reference) as unknown as { data: { record: string } };
  return parseRecord(map.data.record, 'web');
}

class CancelledError extends Error {}

/**
 * Releases with one runner after another, until one of them sees the end; the last one meets no fault.
 * @returns undefined: it was cancelled, and has ended
 */
export async function releaseThrough(
  world: World,
  request: ReleaseObjectsRequest,
  befalls: readonly Course[] = [],
): Promise<ReleaseResult | undefined> {
  const never = new AbortController().signal;
  for (const { faults, abortMs } of [...befalls, { faults: [] }]) {
    const abort = new AbortController();
    if (abortMs !== undefined)
      void world.clock.sleep(abortMs, { signal: never }).then(() => abort.abort(new CancelledError()));
    try {
      const result = await releaseUntilDeath(world, request, { faults, signal: abort.signal });
      if (result !== 'died') return result;
    } catch (error) {
      const isCancelled = error instanceof CancelledError || (error as Error).name === 'TimeoutError';
      if (isCancelled && recordOf(world).current === undefined) return undefined;
      if (isCancelled) continue;
      if (!(error instanceof SlipwayError) || error.fault !== 'infrastructure') throw error;
    }
  }
  throw new Error('the last runner has no faults and must end');
}

/** Releases with one runner, until the end or its death. */
export function releaseUntilDeath(
  world: World,
  request: ReleaseObjectsRequest,
  { faults, signal }: { faults: readonly Fault[]; signal: AbortSignal },
): Promise<ReleaseResult | 'died'> {
  const { clock, measurements, report } = world;
  const { cluster, died } = world.runner(faults);
  const ports = { cluster, leases: leasesOn(cluster, clock), clock, measurements, report };
  return Promise.race([releaseObjects(request, ports, { signal }), died]);
}
