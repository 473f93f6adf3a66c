import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createKubernetes, type Kubernetes } from '../../../src/adapters/kubernetes/create-kubernetes.ts';
import { startApiProxy } from '../../chaos/proxy/api-proxy.ts';
import { describeFault, faultOf, inject, record } from '../../chaos/proxy/faults.ts';
import { makeCommandBench } from '../../support/command-bench.ts';
import { expectedEnding, playRun, type ChaosBench, type ChaosRun, type Ending } from './chaos-run.ts';

jest.setTimeout(600_000);

/** `SLIPWAY_CHAOS_SEED=n` plays one fault again, `=n,m` some. */
const only = process.env['SLIPWAY_CHAOS_SEED'] ?? '';
const seeds = only !== '' ? only.split(',').map(Number) : Array.from({ length: 40 }, (_, index) => index + 1);
/** So many applications are released side by side; the runs of one of them follow each other. */
const lanes = Math.min(6, seeds.length);

/** A run that met a fault. */
interface Played {
  fault: string;
  isMet: boolean;
  seen: Ending;
  expected: Ending;
}

let bench: ChaosBench;
let kubernetes: Kubernetes;
const played = new Map<number, PromiseWithResolvers<Played>>();

beforeAll(async () => {
  for (const seed of seeds) {
    const result = Promise.withResolvers<Played>();
    result.promise.catch(() => undefined); // told by the test of the seed
    played.set(seed, result);
  }
  const commands = await makeCommandBench('chaos');
  kubernetes = await createKubernetes({ kubeconfig: commands.environment.kubeconfig });
  bench = { ...commands, cluster: kubernetes.cluster };
  for (let lane = 0; lane < lanes; lane += 1) void playLane(lane);
});
afterAll(async () => {
  await kubernetes.close();
  await bench.remove();
});

/** Releases a first version without a fault, and then one for each seed of the lane. */
async function playLane(lane: number): Promise<void> {
  const application = `web-${String(lane)}`;
  const own = seeds.filter((_, index) => index % lanes === lane);
  let serves = 'first';
  let requests: string[] | undefined;
  for (const seed of own) {
    const result = played.get(seed)!;
    try {
      requests ??= await firstRelease({ application, version: serves, isBroken: false });
      // Every fifth version crashes.
      const run = { application, version: `seed-${String(seed)}`, isBroken: seed % 5 === 0 };
      const outcome = await playSeed(seed, run, { serves, requests });
      result.resolve(outcome);
      serves = outcome.seen.serving.version;
    } catch (error) {
      result.reject(error);
    }
  }
}

/** @returns what the run has sent */
async function firstRelease(run: ChaosRun): Promise<string[]> {
  const proxy = await startApiProxy(bench.namespaces.kubeconfig);
  try {
    const requests = record(proxy);
    expect(await playRun(bench, run, proxy)).toEqual(expectedEnding(run, ''));
    return requests;
  } finally {
    await proxy.close();
  }
}

async function playSeed(
  seed: number,
  run: ChaosRun,
  before: { serves: string; requests: readonly string[] },
): Promise<Played> {
  const fault = faultOf(seed);
  const proxy = await startApiProxy(bench.namespaces.kubeconfig);
  try {
    const injected = inject(proxy, fault, before.requests);
    const seen = await playRun(bench, run, proxy);
    return {
      fault: describeFault(fault, injected.met),
      isMet: injected.met !== undefined,
      seen,
      expected: expectedEnding(run, before.serves),
    };
  } finally {
    await proxy.close();
  }
}

describe('a run with a release that meets a fault of its connection ends as it would have', () => {
  it.each(seeds.map((seed) => [seed, faultOf(seed).kind] as const))('seed %i: %s', async (seed) => {
    const { fault, seen, expected } = await played.get(seed)!.promise;

    expect({ fault, ...seen }).toEqual({ fault, ...expected });
  });

  it('and nearly all of them have met it', async () => {
    const all = await Promise.all(seeds.map((seed) => played.get(seed)!.promise));

    expect(all.filter(({ isMet }) => isMet).length).toBeGreaterThanOrEqual(0.9 * seeds.length);
  });
});
