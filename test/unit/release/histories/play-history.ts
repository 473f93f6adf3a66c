import { SlipwayError } from '../../../../src/base/errors.ts';
import { LeaseLostError, type Leases } from '../../../../src/ports/leases.ts';
import type { ReleaseResult } from '../../../../src/release/reconcile.ts';
import { releaseObjects, type ReleaseObjectsRequest } from '../../../../src/release/release.ts';
import { ReleaseBusyError } from '../../../../src/release/release-lease.ts';
import { leasesOn } from '../../../fakes/cluster-leases.ts';
import { restingState, servedObjects } from '../blue-green-world.ts';
import { chooser, recordOf } from '../release-courses.ts';
import { route } from '../routed-world.ts';
import { requestOf, World } from '../release-world.ts';
import { answer, happen, type Happening } from './happenings.ts';
import type { ReleaseHistory } from './history.ts';
import { judgeEnd, judgeNext, type Facts } from './judge.ts';
import { PodPromises } from './promises.ts';
import { noTrouble, troubledCluster, type Trouble } from './troubled-runner.ts';

const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  name: 'slipway-release-web',
  namespace: 'shop',
};
/** Virtual milliseconds after which a person promotes what waits for one, again and again. */
const patienceMs = 60_000;
const lockTimeoutMs = 600_000;

class CancelledError extends Error {}

/** What a history has come to. */
export interface Played {
  /** The promises that it breaks, in words. */
  broken: readonly string[];
  /** What its runners have told. */
  told: readonly string[];
}

/** Plays a history of a release, and one of v3 after it, which meets no trouble. */
export async function playReleaseHistory(history: ReleaseHistory): Promise<Played> {
  const play = new Play(history);
  try {
    await play.world.clock.unlessStopped(play.all());
  } catch (error) {
    play.broken.push(`it ends with ${String((error as Error).stack)}`);
  } finally {
    play.close();
  }
  return { broken: [...play.promises.broken, ...play.broken], told: play.world.told };
}

class Play {
  readonly world: World;
  readonly promises: PodPromises;
  readonly broken: string[] = [];
  readonly #history: ReleaseHistory;
  readonly #choose: (count: number) => number;
  readonly #leases: ReturnType<typeof leasesOn>[] = [];
  readonly #over = new AbortController();
  readonly #happened = new Set<Happening['type']>();
  /** Holders that know that they have the lease. */
  readonly #holders = new Set<string>();
  /** Those that could not give it back: it expires. */
  readonly #lapsed = new Set<string>();
  #replicas = restingState.replicas;
  #owner = 1;
  #calls = 0;
  #isPlaying = false;

  constructor(history: ReleaseHistory) {
    this.#history = history;
    const { candidate, seed } = history;
    this.#choose = chooser(seed + 1);
    this.world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
    if (history.strategy === 'routedCanary') this.world.cluster.put(structuredClone(route));
    this.promises = new PodPromises(this.world, history);
  }

  async all(): Promise<void> {
    await this.#resumeAll('run-1', 'v1', []);
    this.promises.watch();
    this.#begin();
    const { runners, second } = this.#history;
    const results = await Promise.all([
      this.#resumeAll('run-2', 'v2', runners),
      ...(second === undefined ? [] : [this.#second(second)]),
    ]);
    this.#isPlaying = false;
    this.broken.push(...judgeEnd(results, this.#facts()));
    const last = await this.#resumeAll('run-3', 'v3', []);
    this.broken.push(...judgeNext(last, this.#facts()));
  }

  #facts(): Facts {
    const { world, promises } = this;
    const holder = this.#holder();
    const isLeaseFree = !this.#holders.has(holder) || this.#lapsed.has(holder);
    const happened = this.#happened;
    return {
      ...{ world, history: this.#history, happened, isLeaseFree, replicas: this.#replicas },
      isTemplateForeign: promises.isTemplateForeign,
    };
  }

  close(): void {
    this.#over.abort();
    for (const leases of this.#leases) leases.dispose();
    this.world.close();
  }

  /** Lets happen what is to happen, and the controllers go on in the middle of calls. */
  #begin(): void {
    const { cluster, clock, deployments } = this.world;
    this.#isPlaying = true;
    for (const happening of this.#history.happenings)
      if ('afterMs' in happening.when)
        void clock
          .sleep(happening.when.afterMs, this.#over)
          .then(() => this.#happen(happening))
          .catch(() => undefined);
    void this.#promote();
    cluster.before = () => {
      const call = this.#calls++;
      if (this.#choose(4) === 0) for (let left = this.#choose(3); left > 0; left -= 1) deployments.step();
      for (const happening of this.#history.happenings)
        if ('call' in happening.when && happening.when.call === call) this.#happen(happening);
    };
  }

  #happen(happening: Happening): void {
    if (!this.#isPlaying) return;
    const { type } = happening;
    this.#happened.add(type);
    if (type === 'scale') this.#replicas = happening.replicas;
    if (type === 'setImage' || type === 'undo') this.promises.isTemplateForeign = true;
    if (type === 'select') this.promises.isSelectorForeign = true;
    if (type === 'reroute') this.promises.isRouteForeign = true;
    this.world.told.push(`happening: ${JSON.stringify(happening)}`);
    happen(happening, this.world);
  }

  /** A person who promotes in the end what waits for one. */
  async #promote(): Promise<void> {
    const { clock } = this.world;
    try {
      for (;;) {
        await clock.sleep(patienceMs, this.#over);
        await answer('promote', this.world);
      }
    } catch {
      // It is over.
    }
  }

  async #second({ afterMs, ownsRun, trouble }: NonNullable<ReleaseHistory['second']>) {
    await this.world.clock.sleep(afterMs, this.#over);
    if (ownsRun) this.#owner = 2;
    return this.#resumeAll('run-2', 'v2', [trouble], ownsRun ? 2 : 1);
  }

  /**
   * Releases with one runner after another, until one sees the end; the last one meets no trouble.
   * @returns undefined when it was cancelled and has ended, or is another's
   */
  async #resumeAll(
    runId: string,
    image: string,
    troubles: readonly Trouble[],
    fence = 1,
  ): Promise<ReleaseResult | undefined> {
    const isOwned = () => runId !== 'run-2' || fence === this.#owner;
    const confirm = () =>
      isOwned() ? Promise.resolve() : Promise.reject(new LeaseLostError('resumed elsewhere'));
    const request = { ...this.#requestOf(image, runId), owner: { fence, confirm } };
    for (const trouble of [...troubles, noTrouble]) {
      if (!isOwned()) return undefined;
      let result = await this.#run(request, trouble);
      // Whoever continues what a runner was asked to leave is another one.
      while (result !== 'over' && result !== 'left' && result.outcome === 'detached')
        result = await this.#run(request, noTrouble);
      if (result === 'over') return undefined;
      if (result !== 'left') return result;
    }
    if (isOwned()) this.broken.push(`the last runner of ${runId} has no trouble, and leaves the release`);
    return undefined;
  }

  /** One runner. @returns over: it was cancelled, and nothing is left; left: the next one has to go on */
  async #run(request: ReleaseObjectsRequest, trouble: Trouble): Promise<ReleaseResult | 'over' | 'left'> {
    const { clock, report, measurements } = this.world;
    const { cluster: faulty, died } = this.world.runner(trouble.faults);
    let holder = '';
    const onWrite = (text: string) => {
      if (this.#holder() !== holder) this.broken.push(`without the lease: ${text}`);
    };
    const cluster = troubledCluster({ cluster: faulty, clock, trouble, onWrite });
    const own = leasesOn(cluster, clock);
    this.#leases.push(own);
    const leases: Leases = {
      acquire: async (...of) => {
        const held = await own.acquire(...of);
        holder = held.holder;
        this.#holders.add(holder);
        return held;
      },
      find: (...of) => own.find(...of),
    };
    const abort = new AbortController();
    if (trouble.abortMs !== undefined)
      void clock
        .sleep(trouble.abortMs, this.#over)
        .then(() => abort.abort(new CancelledError()))
        .catch(() => undefined);
    try {
      const notice: typeof report.notice = (level, message) => {
        if (message.includes('could not be released')) this.#lapsed.add(holder);
        return report.notice(level, message);
      };
      const ports = { cluster, leases, clock, measurements, report: { ...report, notice } };
      const result = await Promise.race([releaseObjects(request, ports, abort), died]);
      if (result !== 'died') return result;
      this.#lapsed.add(holder);
      return 'left';
    } catch (error) {
      const isCancelled = error instanceof CancelledError || (error as Error).name === 'TimeoutError';
      if (isCancelled) return recordOf(this.world).current === undefined ? 'over' : 'left';
      if (error instanceof LeaseLostError || error instanceof ReleaseBusyError) return 'left';
      if (!(error instanceof SlipwayError) || error.fault !== 'infrastructure') throw error;
      return 'left';
    }
  }

  #requestOf(image: string, runId: string): ReleaseObjectsRequest {
    const { strategy: kind, settings } = this.#history;
    const strategy = kind === 'routedCanary' ? 'canary' : kind;
    const request = requestOf(servedObjects(image), runId, { strategy, timeoutMs: 60_000, lockTimeoutMs });
    return { ...request, settings: { ...request.settings, strategy: settings } };
  }

  #holder(): string {
    const live = this.world.cluster.peek(lease) as { spec?: { holderIdentity?: string | null } } | undefined;
    return live?.spec?.holderIdentity ?? '';
  }
}
