import { Masker } from '../base/mask.ts';
import { InputError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { AgentView, StartedStep } from '../ports/agent.ts';
import { AgentError } from '../ports/agent.ts';
import { NotFoundError } from '../ports/cluster-errors.ts';
import type { Reporter, RunEvent, RunOutcome } from '../ports/events.ts';
import type { RunRecord, StageRecord } from '../ports/run-record.ts';
import { parseStepId } from '../engine/step-id.ts';
import type { Plan } from '../plan/plan.ts';
import type { Connection } from './connection.ts';
import { DriverWatch } from './driver-watch.ts';
import { createEventHub } from './event-hub.ts';
import { planFile } from './run-pipeline.ts';
import type { Reporters } from './reporters.ts';
import { loadRun } from './runs.ts';
import { createSecretReader } from './secret-reader.ts';

/** How often the record is looked at. Milliseconds. */
const lookMs = 1500;

/** What is looked at, and how it is shown. */
export interface AttachRequest {
  connection: Connection;
  runId: string;
  /** Show what is there now and end, instead of following to the run's end. */
  once: boolean;
  /** End when nobody drives the run any more, so that the caller can. */
  untilAbandoned?: boolean;
  /** Only this stage; missing: all. */
  stage?: string;
  reporters: Reporters;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Shows a run that another runner drives, from its record and the logs in its pod. Reads only; several may look on.
 * Its secrets have to be readable here, since what is shown must be masked.
 * @returns the outcome; undefined when it was left before its end (`once`, `untilAbandoned`)
 * @throws InputError when there is no such run, or a secret of it cannot be read here
 */
export async function attach(request: AttachRequest): Promise<RunOutcome | undefined> {
  const { connection, runId, signal } = request;
  const { record } = await loadRun(connection, runId, signal);
  const file = { ...record.source, directory: '/' };
  const { plan } = planFile(file, {
    parameters: record.parameters,
    trigger: record.trigger,
    namespace: record.namespace,
  });
  const masker = await maskerOf(plan, request);
  const hub = createEventHub(request.reporters.all, masker, (message, details) =>
    request.logger.warn(message, { ...details }),
  );
  const onlooker = new Onlooker(request, plan, hub);
  try {
    return await onlooker.follow(record);
  } finally {
    await hub.close();
  }
}

async function maskerOf(plan: Plan, { connection, logger, signal }: AttachRequest): Promise<Masker> {
  const masker = new Masker();
  const secrets = createSecretReader({
    sources: plan.secrets,
    cluster: connection.cluster,
    namespace: plan.namespace,
    masker,
    environment: process.env,
    onWeakSecret: (secret) => logger.warn('a secret is too short to be masked in output', { secret }),
    // A secret that the sandbox generated is known to the runner alone and was never anybody's.
    ...(connection.sandbox ? { generate: () => new Map() } : {}),
  });
  for (const name of Object.keys(plan.secrets)) {
    await secrets.read(name, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new InputError(
        `the run's output cannot be shown here, since it could not be masked: ${messageOf(error)}`,
        {
          hint: 'run this where the secret can be read',
          cause: error,
        },
      );
    });
  }
  return masker;
}

/** A step and whose it is. */
interface NamedStep {
  stage: string;
  step: string;
  started: StartedStep;
}

class Onlooker {
  readonly #request: AttachRequest;
  readonly #plan: Plan;
  readonly #hub: Reporter;
  readonly #following = new Map<string, Promise<void>>();
  readonly #shown = new Map<string, StageRecord['state']>();
  readonly #views = new Map<string, AgentView>();
  readonly #left = new AbortController();
  readonly #signal: AbortSignal;
  #sequence = 0;

  constructor(request: AttachRequest, plan: Plan, hub: Reporter) {
    this.#request = request;
    this.#signal = AbortSignal.any([request.signal, this.#left.signal]);
    this.#plan = plan;
    this.#hub = hub;
  }

  async follow(first: RunRecord): Promise<RunOutcome | undefined> {
    try {
      return await (this.#request.once ? this.#showOnce(first) : this.#followToEnd(first));
    } catch (error) {
      if (this.#request.signal.aborted && !this.#request.once)
        await this.#note('this looks on no longer; the run goes on');
      throw error;
    } finally {
      this.#left.abort();
      await Promise.all(this.#following.values());
      for (const view of this.#views.values()) view.close();
    }
  }

  /** The logs as they are now, in the order of the stages. */
  async #showOnce(record: RunRecord): Promise<undefined> {
    await this.#findViews(record);
    if (this.#views.size === 0) throw logsGone(record);
    const order = this.#plan.nodes.map(({ name }) => name);
    for (const view of this.#views.values()) {
      const steps = (await this.#wantedSteps(view)).sort(
        (a, b) => order.indexOf(a.stage) - order.indexOf(b.stage),
      );
      for (const step of steps) await this.#showStep(view, step).catch(ignoreLostPod);
    }
  }

  async #followToEnd(first: RunRecord): Promise<RunOutcome | undefined> {
    const { connection, signal } = this.#request;
    const { runId, namespace } = first;
    const stages = this.#plan.nodes.map(({ name, kind, needs, phase }) => ({ name, kind, needs, phase }));
    const { pipeline } = this.#plan;
    await this.#emit({
      type: 'run.started',
      runId,
      pipeline,
      cluster: connection.name,
      namespace,
      stages,
      resumed: false,
    });
    const driver = new DriverWatch(connection.runs, first);
    for (let record = first; ;) {
      if (record.state !== 'finished') record = await this.#lookAtDriver(driver, record);
      if (driver.isGone && record.state !== 'finished' && this.#request.untilAbandoned === true)
        return undefined;
      await this.#followNewSteps(record);
      await this.#tellStages(record);
      if (record.state === 'finished') {
        await Promise.all(this.#following.values());
        await this.#tellEnd(record);
        return record.outcome;
      }
      await systemClock.sleep(lookMs, { signal });
      record = (await loadRun(connection, runId, signal)).record;
    }
  }

  /** Tells when another one drives the run, or nobody. @returns the record, read again when nobody does */
  async #lookAtDriver(driver: DriverWatch, record: RunRecord): Promise<RunRecord> {
    const { connection, signal, untilAbandoned } = this.#request;
    const told = await driver.look({ signal, takesOver: untilAbandoned === true });
    // A runner that has come to the end gives its lease back too.
    const current = driver.isGone ? (await loadRun(connection, record.runId, signal)).record : record;
    if (told !== undefined && current.state !== 'finished') await this.#note(told);
    return current;
  }

  async #note(message: string, level: 'info' | 'warning' = 'info'): Promise<void> {
    await this.#emit({ type: 'notice', level, message });
  }

  async #findViews(record: RunRecord): Promise<void> {
    const { connection, signal } = this.#request;
    for (const view of await connection.agents.view(record, { signal })) {
      if (this.#views.has(view.pod)) view.close();
      else this.#views.set(view.pod, view);
    }
  }

  async #wantedSteps(view: AgentView): Promise<NamedStep[]> {
    const steps = await view.steps({ signal: this.#request.signal }).catch(ignoreLostPod);
    return steps.flatMap((started): NamedStep[] => {
      const names = parseStepId(started.id);
      return names === undefined || !this.#isWanted(names.stage) ? [] : [{ ...names, started }];
    });
  }

  async #followNewSteps(record: RunRecord): Promise<void> {
    await this.#findViews(record);
    for (const view of this.#views.values()) {
      for (const step of await this.#wantedSteps(view)) {
        const key = `${view.pod}/${step.started.id}`;
        if (this.#following.has(key)) continue;
        this.#following.set(key, this.#showInBackground(view, step));
      }
    }
  }

  /** Never rejects: what cannot be followed is told. */
  async #showInBackground(view: AgentView, step: NamedStep): Promise<void> {
    try {
      await this.#showStep(view, step).catch(ignoreLostPod);
    } catch (error) {
      if (this.#signal.aborted) return;
      await this.#note(`step ${step.started.id} cannot be followed: ${messageOf(error)}`, 'warning');
    }
  }

  async #showStep(view: AgentView, { stage, step, started }: NamedStep): Promise<[]> {
    const options = {
      signal: this.#signal,
      onOutput: (chunk: Buffer, offset: number) =>
        this.#emit({ type: 'step.output', stage, step, id: started.id, chunk, offset }),
    };
    let exitCode: number | undefined;
    if (this.#request.once) await view.readLog(started, options);
    else exitCode = await view.followStep(started, options);
    await this.#emit({
      type: 'step.end',
      stage,
      step,
      id: started.id,
      ...(exitCode === undefined ? {} : { exitCode }),
    });
    return [];
  }

  async #tellStages(record: RunRecord): Promise<void> {
    for (const { name, kind, allowFailure } of this.#plan.nodes) {
      const stage = record.stages[name];
      if (stage === undefined || this.#shown.get(name) === stage.state || !this.#isWanted(name)) continue;
      const before = this.#shown.get(name);
      this.#shown.set(name, stage.state);
      if (before !== 'running' && stage.state !== 'pending') {
        await this.#emit({ type: 'stage.started', stage: name, kind, attempt: stage.attempt });
      }
      if (stage.state !== 'done') continue;
      await Promise.all(
        [...this.#following].filter(([key]) => key.includes(`/${name}.`)).map(([, following]) => following),
      );
      await this.#emit({
        type: 'stage.finished',
        stage: name,
        kind,
        outcome: stage.outcome ?? 'succeeded',
        durationMs: (stage.finishedAt ?? 0) - (stage.startedAt ?? stage.finishedAt ?? 0),
        ...(stage.message === undefined ? {} : { message: stage.message }),
        outputs: stage.outputs,
        allowedToFail: allowFailure,
      });
    }
  }

  async #tellEnd(record: RunRecord): Promise<void> {
    const unseen = this.#plan.nodes.filter(
      ({ name, kind }) =>
        kind === 'run' &&
        this.#isWanted(name) &&
        (record.stages[name]?.attempt ?? 0) > 0 &&
        ![...this.#following.keys()].some((key) => key.includes(`/${name}.`)),
    );
    if (unseen.length > 0) {
      const names = unseen.map(({ name }) => name).join(', ');
      await this.#note(`the output of ${names} cannot be shown: it went with the agent pod`);
    }
    const durationMs = (record.finishedAt ?? record.createdAt) - record.createdAt;
    await this.#emit({ type: 'run.finished', outcome: record.outcome ?? 'internal', durationMs });
  }

  #isWanted(stage: string): boolean {
    return this.#request.stage === undefined || this.#request.stage === stage;
  }

  async #emit(event: RunEvent): Promise<void> {
    await this.#hub.handle({ ...event, at: Date.now(), sequence: ++this.#sequence });
  }
}

/** The pod goes when the run ends; what it had said has been shown by then. */
function ignoreLostPod(error: unknown): [] {
  if (error instanceof AgentError || error instanceof NotFoundError) return [];
  throw error;
}

function logsGone({ runId, namespace }: RunRecord): InputError {
  return new InputError(`run ${runId} has no agent pod in namespace ${namespace} any more, and so no logs`, {
    hint: 'keep them with --log-dir, or the pod with --keep-agent',
  });
}
