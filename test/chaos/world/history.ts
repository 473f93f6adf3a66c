import type { PodBehaviour } from '../../fakes/deployment-controller.ts';
import { faults, type Fate } from './simulated-network.ts';
import { SimulatedRunner, type Ending } from './simulated-runner.ts';
import { judge } from './judge.ts';
import { World } from './world.ts';

/** How a history went. */
export interface History {
  seed: number;
  behaviour: PodBehaviour;
  /** What was done to the runners, with the second when. */
  script: string[];
  /** How each runner ended; those that were killed are missing. */
  endings: Record<string, Ending>;
  /** Outcome that the record says. */
  outcome: string | undefined;
  image: string | undefined;
  /** Whether it was cancelled, and has left a release that `pipeline release resume` or `rollback` ends. */
  isLeftOpen: boolean;
  violations: string[];
  /** Requests that were sent, and those of them that met a fault. */
  requests: number;
  faults: number;
  /** Virtual milliseconds. */
  tookMs: number;
}

/** Milliseconds in which the faults come, after which everything is well again. */
const troubledMs = 45_000;
/** What a run may take after that, with the runners that resume it. */
const settledMs = 900_000;

/** One run with a release, and what a seed does to it. */
export async function playHistory(seed: number): Promise<History> {
  const picked = (seed * 7) % 10;
  const behaviour = picked < 6 ? 'ready' : picked < 9 ? 'crash' : 'never';
  const world = new World(seed, behaviour);
  try {
    return await new Player(world, seed, behaviour).play();
  } finally {
    world.close();
  }
}

class Player {
  readonly #world: World;
  readonly #history: History;
  readonly #runners: SimulatedRunner[] = [];
  /** Stopped or cut off until the run has ended without them. */
  readonly #asleep = new Set<SimulatedRunner>();
  #faultShare = 0;
  #isAway = false;
  #leasesGo = false;

  constructor(world: World, seed: number, behaviour: PodBehaviour) {
    this.#world = world;
    this.#history = {
      ...{ seed, behaviour, script: [], endings: {}, outcome: undefined, image: undefined },
      ...{ isLeftOpen: false, violations: [], requests: 0, faults: 0, tookMs: 0 },
    };
  }

  async play(): Promise<History> {
    const { time, random } = this.#world;
    void this.#begin().start();
    const count = random.between(1, 4);
    for (let index = 0; index < count; index += 1) this.#plan(random.between(0, troubledMs / 2));
    await time.sleep(troubledMs);
    this.#heal();
    await this.#bringToItsEnd();
    return this.#told();
  }

  /** One thing that goes wrong, at a moment. */
  #plan(atMs: number): void {
    const { random, time } = this.#world;
    const lastsMs = random.between(500, troubledMs / 2);
    const [what, begin, end] = this.#trouble();
    void time.sleep(atMs).then(async () => {
      this.#history.script.push(`${what} at ${String(Math.round(atMs / 1000))} s`);
      begin();
      if (end === undefined) return;
      await time.sleep(lastsMs);
      this.#history.script.push(`end of ${what} at ${String(Math.round((atMs + lastsMs) / 1000))} s`);
      end();
    });
  }

  #trouble(): [what: string, begin: () => void, end?: () => void] {
    const { random } = this.#world;
    const some = () => random.pick(this.#runners);
    let victim: SimulatedRunner | undefined;
    switch (random.between(1, 14)) {
      case 1:
        return ['SIGSTOP', () => (victim = some()).freeze(), () => victim?.wake()];
      case 2:
        return ['SIGKILL and resume', () => this.#kill(some()), () => void this.#begin().resume()];
      case 3:
        return ['a cut', () => ((victim = some()).isCut = true), () => (victim!.isCut = false)];
      case 4:
        return ['SIGSTOP and resume', () => this.#stopAndResume((victim = some())), () => victim?.wake()];
      case 5:
        return [
          'a cut and resume',
          () => this.#cutAndResume((victim = some())),
          () => (victim!.isCut = false),
        ];
      case 6:
        return ['a second runner', () => void this.#begin().resume()];
      case 7:
        return ['a jump of the clock', () => (some().wallShiftMs += random.pick([3_600_000, -3_600_000]))];
      case 8:
        return ['SIGTERM', () => some().interrupt()];
      case 9:
        return ['pipeline cancel', () => void this.#cancel()];
      case 10:
        return ['an outage', () => (this.#isAway = true), () => (this.#isAway = false)];
      case 11:
        return ['SIGSTOP until another runner has ended the run', () => void this.#sleepUntilEnded('stop')];
      case 12:
        return ['a cut until another runner has ended the run', () => void this.#sleepUntilEnded('cut')];
      case 13:
        return ['the leases are deleted', () => void this.#deleteLeases()];
      default: {
        const share = random.pick([0.03, 0.1, 0.3]);
        const what = `faults of ${String(share * 100)} %`;
        return [what, () => (this.#faultShare = share), () => (this.#faultShare = 0)];
      }
    }
  }

  #kill(victim: SimulatedRunner): void {
    victim.kill();
  }

  #stopAndResume(victim: SimulatedRunner): void {
    victim.freeze();
    void this.#begin().resume();
  }

  #cutAndResume(victim: SimulatedRunner): void {
    victim.isCut = true;
    void this.#begin().resume();
  }

  /** Every other time in the middle of a release, where there is most to write for who wakes. */
  async #sleepUntilEnded(how: 'stop' | 'cut'): Promise<void> {
    const { random } = this.#world;
    if (random.chance(0.5)) await this.#untilReleasing();
    const victim = random.pick(this.#runners);
    this.#asleep.add(victim);
    this.#leasesGo ||= random.chance(0.5);
    if (how === 'stop') this.#stopAndResume(victim);
    else this.#cutAndResume(victim);
  }

  async #untilReleasing(): Promise<void> {
    const { random, time } = this.#world;
    while (this.#world.release?.current === undefined && time.nowMs < troubledMs) await time.sleep(100);
    await time.sleep(random.between(0, 6000));
  }

  /** As `kubectl delete lease` does it, or the end of what owns them. */
  async #deleteLeases(): Promise<void> {
    const { cluster } = this.#world;
    const { signal } = new AbortController();
    for (const { apiVersion, kind, metadata } of cluster.all('Lease'))
      await cluster.delete({ apiVersion, kind, ...metadata }, { signal });
  }

  #begin(): SimulatedRunner {
    const runner = new SimulatedRunner(this.#world, `runner-${String(this.#runners.length + 1)}`);
    runner.fate = () => this.#fate();
    this.#runners.push(runner);
    return runner;
  }

  #fate(): Fate {
    const { random } = this.#world;
    this.#history.requests += 1;
    if (!this.#isAway && !random.chance(this.#faultShare)) return 'pass';
    this.#history.faults += 1;
    return this.#isAway ? 'drop' : random.pick(faults);
  }

  /** As `pipeline cancel` does it, from a machine that nothing befalls. */
  async #cancel(): Promise<void> {
    const { runId } = this.#world;
    const { store } = new SimulatedRunner(this.#world, 'kubectl');
    const { signal } = new AbortController();
    for (;;) {
      const stored = await store.load({ runId, namespace: 'ci' }, { signal });
      if (stored?.record.state !== 'running') return;
      try {
        await store.update(stored, { ...stored.record, state: 'cancelling' }, { signal });
        return;
      } catch {
        // Its runner was faster: once more.
      }
    }
  }

  #heal(): void {
    this.#isAway = false;
    this.#faultShare = 0;
    for (const runner of this.#runners) if (!this.#asleep.has(runner)) awaken(runner);
  }

  /** Those that missed the end of the run go on where they were. */
  async #awakenTheLast(): Promise<void> {
    if (this.#leasesGo) await this.#deleteLeases();
    this.#history.script.push(`the last wake${this.#leasesGo ? ', their leases gone' : ''}`);
    this.#asleep.forEach(awaken);
    this.#asleep.clear();
  }

  /** Until the run has ended and every process that lives: who started it would resume it, too. */
  async #bringToItsEnd(): Promise<void> {
    const { time } = this.#world;
    const untilMs = time.nowMs + settledMs;
    const alive = () => this.#runners.filter((runner) => runner.isRunning && !this.#asleep.has(runner));
    for (;;) {
      if (time.nowMs > untilMs) {
        this.#complain(
          `${alive()
            .map(({ name }) => name)
            .join(', ')} never ends`,
        );
        return;
      }
      await time.sleep(5000);
      if (alive().length > 0) continue;
      const record = this.#world.record();
      if (record === undefined || record.state === 'finished') {
        if (this.#asleep.size === 0) break;
        await this.#awakenTheLast();
        continue;
      }
      void this.#begin().resume();
    }
    await time.sleep(90_000);
  }

  #told(): History {
    const { observer, time } = this.#world;
    const history = this.#history;
    observer.atTheEnd(this.#runners);
    const record = this.#world.record();
    history.outcome = record?.outcome;
    history.image = this.#world.image();
    history.tookMs = time.nowMs;
    for (const { name, ending } of this.#runners) if (ending !== undefined) history.endings[name] = ending;
    judge(history, record?.stages['deploy']?.outcome, this.#world.release);
    history.violations.push(...observer.violations);
    return history;
  }

  #complain(what: string): void {
    this.#history.violations.push(what);
  }
}

function awaken(runner: SimulatedRunner): void {
  runner.isCut = false;
  runner.wake();
}
