import { hostname } from 'node:os';
import { InputError } from '../../base/errors.ts';
import { systemClock } from '../../adapters/system/clock.ts';
import { eventsBetween } from '../../engine/record-difference.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Reporter, RunEvent, RunOutcome } from '../../ports/events.ts';
import type { RunRecord } from '../../ports/run-record.ts';
import { loadRun } from '../runs.ts';
import type { Connection } from '../connection.ts';
import { KeptLogs } from './kept-logs.ts';
import { LogFollowers } from './log-followers.ts';
import { OwnerWatch } from './owner-watch.ts';

/** How often the record is read. Milliseconds. */
const pollMs = 1500;

/** How a run is followed. */
export interface FollowRequest {
  connection: Connection;
  /** Show what is there now and end, instead of following to the run's end. */
  once: boolean;
  /** End when the run has no owner any more, so that the caller can resume it. */
  untilAbandoned?: boolean;
  /** Only this stage; missing: all. */
  stage?: string;
  signal: AbortSignal;
}

/** Follows one run: its record for the stages, its agent pods for the logs. */
export class RunFollower {
  readonly #request: FollowRequest;
  readonly #plan: Plan;
  readonly #hub: Reporter;
  readonly #logs: LogFollowers;
  readonly #left = new AbortController();
  /** Of the run that is followed. */
  #runId = '';
  #sequence = 0;

  constructor(request: FollowRequest, plan: Plan, hub: Reporter) {
    this.#request = request;
    this.#plan = plan;
    this.#hub = hub;
    this.#logs = new LogFollowers({
      agents: request.connection.agents,
      isWanted: (stage) => this.#isWanted(stage),
      emit: (event) => this.#emit(event),
      signal: AbortSignal.any([request.signal, this.#left.signal]),
    });
  }

  /** @returns the outcome; undefined when it was left before the run's end */
  async follow(first: RunRecord): Promise<RunOutcome | undefined> {
    const { once, signal } = this.#request;
    this.#runId = first.runId;
    try {
      return await (once ? this.#showOnce(first) : this.#followToEnd(first));
    } catch (error) {
      if (signal.aborted && !once) await this.#note('no longer watching; the run continues');
      throw error;
    } finally {
      this.#left.abort();
      await this.#logs.close();
    }
  }

  /** The logs as they are now, in the order of the stages. */
  async #showOnce(record: RunRecord): Promise<undefined> {
    const order = this.#plan.nodes.map(({ name }) => name);
    if (await this.#logs.showOnce(record, order)) return;
    if (record.logs?.host !== hostname()) throw logsGone(record);
    const kept = new KeptLogs(record.logs.directory);
    for (const stage of order.filter((name) => this.#isWanted(name))) {
      for await (const event of kept.outputOf(stage)) await this.#emit(event);
    }
    if (!kept.hasFound) throw logsGone(record);
  }

  async #followToEnd(first: RunRecord): Promise<RunOutcome | undefined> {
    const { connection, signal } = this.#request;
    await this.#announce(first);
    const owner = new OwnerWatch(connection.leases, first);
    const stages = this.#plan.nodes.filter(({ name }) => this.#isWanted(name));
    let before: RunRecord | undefined;
    for (let record = first; ;) {
      if (record.state !== 'finished') record = await this.#checkOwner(owner, record);
      const isFinished = record.state === 'finished';
      if (owner.isAbandoned && !isFinished && this.#request.untilAbandoned === true) return undefined;
      await this.#logs.followNew(record);
      for (const event of eventsBetween(before, record, stages)) await this.#show(event, record);
      if (isFinished) return record.outcome;
      before = record;
      await systemClock.sleep(pollMs, { signal });
      record = (await loadRun(connection, record.runId, signal)).record;
    }
  }

  async #announce({ namespace }: RunRecord): Promise<void> {
    const { nodes, pipeline } = this.#plan;
    await this.#emit({
      type: 'run.started',
      pipeline,
      cluster: this.#request.connection.name,
      namespace,
      stages: nodes.map(({ name, kind, needs, phase }) => ({ name, kind, needs, phase })),
      resumed: false,
    });
  }

  /** A stage's output comes before its end, and the run's end after all. */
  async #show(event: RunEvent, record: RunRecord): Promise<void> {
    if (event.type === 'stage.finished') await this.#logs.ended(event.stage);
    if (event.type === 'run.finished') {
      await this.#logs.allEnded();
      await this.#noteLostOutput(record);
    }
    await this.#emit(event);
  }

  async #noteLostOutput(record: RunRecord): Promise<void> {
    const lost = this.#plan.nodes.filter(
      ({ name, kind }) =>
        kind === 'run' &&
        this.#isWanted(name) &&
        (record.stages[name]?.attempt ?? 0) > 0 &&
        !this.#logs.hasSeen(name),
    );
    if (lost.length === 0) return;
    const names = lost.map(({ name }) => name).join(', ');
    await this.#note(`the output of ${names} cannot be shown: it was removed with the agent pod`);
  }

  /** Reports a change of owner. @returns the record, read again when there is none */
  async #checkOwner(owner: OwnerWatch, record: RunRecord): Promise<RunRecord> {
    const { connection, signal, untilAbandoned } = this.#request;
    const change = await owner.check({ signal, takesOver: untilAbandoned === true });
    // A runner that has come to the end gives its lease back too.
    const current = owner.isAbandoned ? (await loadRun(connection, record.runId, signal)).record : record;
    if (change !== undefined && current.state !== 'finished') await this.#note(change);
    return current;
  }

  async #note(message: string): Promise<void> {
    await this.#emit({ type: 'notice', level: 'info', message });
  }

  #isWanted(stage: string): boolean {
    return this.#request.stage === undefined || this.#request.stage === stage;
  }

  async #emit(event: RunEvent): Promise<void> {
    await this.#hub.handle({ ...event, runId: this.#runId, at: Date.now(), sequence: ++this.#sequence });
  }
}

function logsGone({ runId, namespace, logs }: RunRecord): InputError {
  const gone = `run ${runId} has no agent pod in namespace ${namespace} any more`;
  if (logs === undefined) {
    return new InputError(`${gone}, and so no logs`, {
      hint: 'look in the folder that --log-dir of the run named',
    });
  }
  const { host, directory } = logs;
  return host === hostname()
    ? new InputError(`${gone}, and its logs are not in ${directory} any more`)
    : new InputError(`${gone}; its logs are on ${host} in ${directory}`, {
        hint: 'run this command there, or look into that folder',
      });
}
