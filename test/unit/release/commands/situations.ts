import type { AnalysesByName } from '../../../../src/analysis/settings.ts';
import type { Cluster } from '../../../../src/ports/cluster.ts';
import { detachRelease, pauseRelease } from '../../../../src/release/pause.ts';
import type { ReleaseResult } from '../../../../src/release/reconcile.ts';
import { releaseObjects, type ReleaseObjectsRequest } from '../../../../src/release/release.ts';
import { leasesOn } from '../../../fakes/cluster-leases.ts';
import type { PodBehaviour } from '../../../fakes/deployment-controller.ts';
import { servedObjects } from '../blue-green-world.ts';
import { migrationOf, runJobs } from '../migration-world.ts';
import { requestOf, World } from '../release-world.ts';

/** A world in which the releases of an application stand somewhere. */
export interface Situation {
  world: World;
  /** The release in progress, where its runner lives: it stands still until {@link proceed} is called. */
  running?: Promise<ReleaseResult>;
  proceed: () => void;
  /** Ends all that runs. */
  close: () => Promise<void>;
}

/** How a release is made: its strategy with its settings, and how its pods behave. */
interface Way {
  strategy: string;
  settings?: object;
  pods?: PodBehaviour;
  rollback?: 'auto' | 'never';
  /** It waits for a Job first, which takes a minute. */
  migrates?: true;
  /** What its analyses measure; above 0.01 is inconclusive. */
  measured?: number;
}

const analyses: AnalysesByName = {
  errors: {
    prometheus: { address: 'http://prometheus:9090', query: 'errors' },
    ...{ success: 'result[0] < 0.01', failure: 'result[0] > 0.1', interval: '10m', count: 3 },
  },
};

/** The request to release an image in this way, by a run of its own. */
export function requestFor(image: string, way: Way, lockTimeoutMs = 10_000): ReleaseObjectsRequest {
  const { strategy, settings: chosen = {}, rollback = 'auto' } = way;
  const request = requestOf(servedObjects(image), `run-${image}`, { strategy, rollback, lockTimeoutMs });
  const migration = way.migrates === undefined ? {} : { migration: migrationOf(image, 120_000) };
  return { ...request, ...migration, settings: { ...request.settings, strategy: { ...chosen }, analyses } };
}

/** The ways of releasing that the situations are made by; what waits by itself waits for ten minutes. */
export const ways = {
  rolling: { strategy: 'rolling' },
  migrating: { strategy: 'rolling', migrates: true },
  migratingCanary: { strategy: 'canary', settings: { steps: [{ replicas: 1 }] }, migrates: true },
  canary: { strategy: 'canary', settings: { steps: [{ replicas: 1 }, { pause: true }, { replicas: 2 }] } },
  quickCanary: { strategy: 'canary', settings: { steps: [{ replicas: 1 }, { pause: '1s' }] } },
  pausedCanary: { strategy: 'canary', settings: { steps: [{ replicas: 1 }, { pause: '10m' }] } },
  measuredCanary: {
    ...{ strategy: 'canary', measured: 0 },
    settings: { steps: [{ replicas: 1 }, { analysis: 'errors' }] },
  },
  blueGreen: { strategy: 'blueGreen', settings: { autoPromote: false } },
  quickBlueGreen: { strategy: 'blueGreen', settings: { scaleDownDelay: '1s' } },
  keepingBlueGreen: { strategy: 'blueGreen', settings: { scaleDownDelay: '10m' } },
  measuredBlueGreen: {
    ...{ strategy: 'blueGreen', measured: 0 },
    settings: { autoPromote: false, prePromotion: 'errors' },
  },
  measuredAfter: {
    ...{ strategy: 'blueGreen', measured: 0 },
    settings: { scaleDownDelay: '1s', postPromotion: 'errors' },
  },
} satisfies Record<string, Way>;

/** One in which what made pods fail can be put right. */
class MendedWorld extends World {
  mend: () => void = () => undefined;
}

const { signal: never } = new AbortController();

function makeWorld({ pods = 'ready', measured = 0 }: Way, failing: string): MendedWorld {
  let isMended = false;
  const world = new MendedWorld((image) => (image === failing && !isMended ? pods : 'ready'));
  world.mend = () => {
    isMended = true;
    // The kubelet starts their containers again.
    for (const pod of world.cluster.all('Pod'))
      world.cluster.put({
        ...pod,
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      });
  };
  world.measurements = {
    measure: () => Promise.resolve({ type: 'value', value: [measured], text: String(measured) }),
  };
  return world;
}

/** v1 and v2 were released by rolling. */
async function releasedWorld(way: Way): Promise<MendedWorld> {
  const world = makeWorld(way, 'v3');
  if (way.migrates === true) runJobs(world, { 'migrate-v3': { end: 'Complete', afterMs: 60_000 } });
  await releaseObjects(requestFor('v1', ways.rolling), world, { signal: never });
  await releaseObjects(requestFor('v2', ways.rolling), world, { signal: never });
  return world;
}

/** A world in which no runner lives. */
export function atRest(world: World): Situation {
  const close = async () => world.close();
  return { world, proceed: () => undefined, close };
}

/** Nothing was ever released. */
export function unreleased(): Promise<Situation> {
  return Promise.resolve(atRest(new World(() => 'ready')));
}

/** v1 and v2 were released. */
export async function released(): Promise<Situation> {
  return atRest(await releasedWorld(ways.rolling));
}

/** v1 and v2 were released, and v3 has ended as it does in this way; what made it fail has been put right since. */
export async function ended(way: Way): Promise<Situation> {
  const world = await releasedWorld(way);
  await releaseObjects(requestFor('v3', way), world, { signal: never });
  world.mend();
  return atRest(world);
}

/** The first release has failed, by what has been put right since. */
export async function firstFailed(way: Way): Promise<Situation> {
  const world = makeWorld({ ...way, pods: 'crash' }, 'v3');
  await releaseObjects(requestFor('v3', way), world, { signal: never });
  world.mend();
  return atRest(world);
}

const person = ({ cluster }: World) => ({ cluster, application: 'web', namespace: 'shop', by: 'ann@desk' });

/** A situation with its release paused by a person. */
export async function paused(coming: Promise<Situation>): Promise<Situation> {
  const situation = await coming;
  const { world } = situation;
  await pauseRelease({ ...person(world), at: world.clock.now() }, { signal: never });
  return situation;
}

/** A situation whose runner has left the release. */
export async function detached(coming: Promise<Situation>): Promise<Situation> {
  const { world, running, proceed } = await coming;
  await detachRelease(person(world), { signal: never });
  proceed();
  await world.clock.unlessStopped(running!);
  return atRest(world);
}

/** v3 is being released, after v1 and v2, and its runner stands still in a phase, alive. */
export async function inProgress(way: Way, phase: string): Promise<Situation> {
  const world = await releasedWorld(way);
  const end = new AbortController();
  const { running, proceed } = await standing(world, way, phase, {
    cluster: world.cluster,
    signal: end.signal,
  });
  const close = async () => {
    end.abort(new Error('the test is over'));
    proceed();
    await running.catch(() => undefined);
    world.close();
  };
  return { world, running, proceed, close };
}

/** v3 was being released, after v1 and v2, when its runner died in a phase. */
export async function left(way: Way, phase: string): Promise<Situation> {
  const world = await releasedWorld(way);
  await dieIn(world, way, phase);
  return atRest(world);
}

/** The runner of the first release died in a phase. */
export async function firstLeft(way: Way, phase: string): Promise<Situation> {
  const world = makeWorld(way, 'v3');
  await dieIn(world, way, phase);
  return atRest(world);
}

async function dieIn(world: World, way: Way, phase: string): Promise<void> {
  const { cluster, die } = mortal(world.cluster);
  await standing(world, way, phase, { cluster, signal: never });
  die();
}

/** A cluster as a runner sees it that dies: it calls no more, and gets no answer. */
function mortal(of: Cluster): { cluster: Cluster; die: () => void } {
  let isDead = false;
  const cluster = new Proxy<Cluster>(of, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const call = (value as (...args: unknown[]) => unknown).bind(target);
      return (...args: unknown[]) => (isDead ? new Promise<never>(() => undefined) : call(...args));
    },
  });
  return { cluster, die: () => (isDead = true) };
}

/** Begins to release v3, and resolves when its runner stands still in the phase. */
async function standing(
  { clock, report, measurements }: World,
  way: Way,
  phase: string,
  { cluster, signal }: { cluster: Cluster; signal: AbortSignal },
): Promise<{ running: Promise<ReleaseResult>; proceed: () => void }> {
  const reached = Promise.withResolvers<undefined>();
  const gate = Promise.withResolvers<undefined>();
  const progress = async (now: string, message: string) => {
    await report.progress(now, message, []);
    if (now !== phase) return;
    reached.resolve(undefined);
    await gate.promise;
  };
  const ports = { cluster, clock, measurements, leases: leasesOn(cluster, clock) };
  const running = releaseObjects(
    requestFor('v3', way),
    { ...ports, report: { ...report, progress } },
    { signal },
  );
  const early = running.then(({ outcome }) => {
    throw new Error(`the release ended as ${outcome} before it was in phase ${phase}`);
  });
  await Promise.race([reached.promise, early]);
  early.catch(() => undefined);
  return { running, proceed: () => gate.resolve(undefined) };
}
