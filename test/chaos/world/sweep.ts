import type { Fault } from './simulated-network.ts';
import { SimulatedRunner, type Ending } from './simulated-runner.ts';
import { World } from './world.ts';

/** Versions that are released, and the image that must serve in the end. */
export const sweptVersions = [
  { name: 'a healthy version', behaviour: 'ready', image: 'v2' },
  { name: 'a version that crashes', behaviour: 'crash', image: 'v1' },
] as const;

/** How a run with one fault, or none, went. */
interface Passage {
  ending: Ending;
  image: string | undefined;
  violations: readonly string[];
  /** Leases that were not released. */
  held: string[];
  requests: string[];
}

/** What a sweep has found. */
export interface Sweep {
  /** How the run ends when nothing happens. */
  usual: Passage;
  /** Runs that were played: one for each request. */
  runs: number;
  /** For each run that went another way: which request, and what differs. */
  differences: string[];
}

/** Plays a run once for each of its requests, which meets the fault; all else is as ever. */
export async function sweep(behaviour: 'ready' | 'crash', fault: Fault): Promise<Sweep> {
  const usual = await passage(behaviour);
  const expected = textOf(usual);
  const differences: string[] = [];
  const runs = usual.requests.length;
  for (let at = 1; at <= runs; at += 1) {
    const seen = await passage(behaviour, { at, fault });
    const text = textOf(seen);
    if (text === expected) continue;
    const request = seen.requests[at - 1] ?? '';
    differences.push(
      `request ${String(at)} of ${String(runs)} (${request}), ${fault}: ${text} instead of ${expected}`,
    );
  }
  return { usual, runs, differences };
}

async function passage(behaviour: 'ready' | 'crash', meets?: { at: number; fault: Fault }): Promise<Passage> {
  const world = new World(1, behaviour);
  try {
    const runner = new SimulatedRunner(world, 'first');
    const requests: string[] = [];
    runner.fate = (request, number) => {
      requests.push(`${request.method} ${request.path.split('?')[0] ?? ''}`);
      return number === meets?.at ? meets.fault : 'pass';
    };
    const ending = await runner.start();
    await world.time.sleep(120_000);
    world.observer.atTheEnd([runner]);
    const { violations } = world.observer;
    return { ending, image: world.image(), violations, held: heldLeases(world), requests };
  } finally {
    world.close();
  }
}

function heldLeases({ cluster }: World): string[] {
  return cluster.all('Lease').flatMap(({ metadata: { name }, spec }) => {
    const { holderIdentity } = spec as { holderIdentity?: string };
    return holderIdentity === undefined ? [] : [name];
  });
}

function textOf({ requests: _, ...seen }: Passage): string {
  return JSON.stringify(seen);
}
