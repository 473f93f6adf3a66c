import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { RunRecord } from '../../../src/ports/run-record.ts';
import { runObjectName } from '../../../src/ports/run-record.ts';
import type { ReleaseRecord } from '../../../src/release/record/release-record.ts';
import type { WireRequest } from './simulated-api.ts';
import type { SimulatedRunner } from './simulated-runner.ts';
import type { World } from './world.ts';

/** Milliseconds after which a lease that is not renewed has expired. */
const expiredMs = 30_000;

interface Claim {
  by: string;
  fence: number;
  atMs: number;
}

/** Watches a world as it goes, and says what must never be. */
export class Observer {
  /** What was seen that must not be. */
  readonly violations: string[] = [];
  readonly #world: World;
  /** Who wrote with which fence. */
  readonly #writers = new Map<number, string>();
  /** When each lease was written last, in virtual milliseconds. */
  readonly #renewedAt = new Map<string, number>();
  #sender = '';
  #method = '';
  /** Who has claimed the run last, and when. */
  #claim: Claim | undefined;
  readonly #owners: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** @returns what to call with the status of the answer */
  onArrival(request: WireRequest, sender: string): (status: number) => void {
    this.#sender = sender;
    this.#method = request.method;
    const claim = this.#claim;
    return (status) => {
      if (status < 300) this.#checkOwner(request, sender, claim);
    };
  }

  /** A runner whose run another one has claimed changes nothing: it sends nothing, or is refused; the run's own record has its fence. */
  #checkOwner({ method, path, sentAtMs }: WireRequest, sender: string, claim: Claim | undefined): void {
    if (claim === undefined || claim.by === sender || sender === 'kubectl') return;
    if (method === 'GET' || /leases|configmaps\/slipway-run-|dryRun=All/.test(path)) return;
    if (sentAtMs > claim.atMs)
      this.#say(`${sender} has sent ${method} ${path} after ${claim.by} has claimed the run`);
  }

  onStore(object: KubernetesObject, before: KubernetesObject | undefined): void {
    const { name, namespace } = object.metadata;
    if (object.kind === 'Lease') {
      this.#renewedAt.set(name, this.#world.time.nowMs);
      if (before === undefined && this.#method === 'PUT')
        this.#say(`${this.#sender} has brought back the lease ${name}, which was deleted`);
    }
    if (object.kind !== 'ConfigMap') return;
    if (name === runObjectName(this.#world.runId))
      this.#runRecord(recordOf(object) as RunRecord, recordOf(before) as RunRecord | undefined);
    if (name === 'slipway-release-web' && namespace === 'shop')
      this.#releaseRecord(recordOf(object) as ReleaseRecord);
  }

  /** What must hold when the run is over and nobody does anything any more. */
  atTheEnd(runners: readonly SimulatedRunner[]): void {
    const { cluster, agents, runId } = this.#world;
    const pods = cluster.all('Pod').filter(({ metadata }) => metadata.namespace === 'ci');
    if (pods.length > 0) this.#say(`left behind: ${pods.map(({ metadata }) => metadata.name).join(', ')}`);
    const starts = agents.calls.filter((call) => call.startsWith('start '));
    for (const step of new Set(starts)) {
      const count = starts.filter((start) => start === step).length;
      if (count > 1) this.#say(`${step} happened ${String(count)} times`);
    }
    const record = this.#world.record();
    if (record !== undefined && record.state !== 'finished') this.#say(`run ${runId} is ${record.state}`);
    for (const lease of cluster.all('Lease')) {
      const { holderIdentity: holder } = lease['spec'] as { holderIdentity?: string };
      // A runner that dies, or that has no way to the API at its end, leaves it to expire.
      const ageMs = this.#world.time.nowMs - (this.#renewedAt.get(lease.metadata.name) ?? 0);
      if (holder !== undefined && ageMs < expiredMs)
        this.#say(`${lease.metadata.name} is still renewed by ${holder}`);
    }
    for (const runner of runners) this.#checkLines(runner);
  }

  /** Each line of a step once, in order, in what one runner shows. */
  #checkLines(runner: SimulatedRunner): void {
    const shownTo = new Map<string, number>();
    for (const event of runner.events) {
      if (event.type !== 'step.output') continue;
      const at = shownTo.get(event.id);
      if (at !== undefined && event.offset !== at)
        this.#say(`${runner.name} shows ${event.id} from ${String(event.offset)} after ${String(at)}`);
      shownTo.set(event.id, event.offset + event.chunk.length);
    }
  }

  #runRecord(record: RunRecord, before: RunRecord | undefined): void {
    if (before?.state === 'finished') this.#say(`${this.#sender} has written over a finished record`);
    if (before !== undefined && record.fence < before.fence)
      this.#say(
        `${this.#sender} has written with fence ${String(record.fence)} after ${String(before.fence)}`,
      );
    if (this.#sender === 'kubectl') return;
    if (this.#claim === undefined || record.fence > this.#claim.fence)
      this.#claim = { by: this.#sender, fence: record.fence, atMs: this.#world.time.nowMs };
    const writer = this.#writers.get(record.fence) ?? this.#sender;
    this.#writers.set(record.fence, writer);
    if (writer !== this.#sender)
      this.#say(`${writer} and ${this.#sender} write with fence ${String(record.fence)}`);
  }

  /** A release has one owner after another; one that was followed by another never writes again. */
  #releaseRecord({ current }: ReleaseRecord): void {
    const owner = current?.owner;
    if (owner === undefined || this.#owners.at(-1) === owner) return;
    if (this.#owners.includes(owner)) this.#say(`${owner} writes the release again`);
    this.#owners.push(owner);
  }

  #say(what: string): void {
    this.violations.push(`${what} (at ${String(Math.round(this.#world.time.nowMs))} ms)`);
  }
}

function recordOf(object: KubernetesObject | undefined): unknown {
  const text = (object?.['data'] as { record?: string } | undefined)?.record;
  return text === undefined ? undefined : JSON.parse(text);
}
