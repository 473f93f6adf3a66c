import { defined } from '../../base/defined.ts';
import { sameJson } from '../../base/same-json.ts';
import { rolloutFieldsOf, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { AnalysesByName } from '../../analysis/settings.ts';
import type { HeldParts } from '../holding.ts';
import type { Decision, Strategy, StrategyState } from '../strategy.ts';
import { SimulatedRelease } from './simulated-release.ts';

/** A moment of a release that is still to be made. */
export interface ForecastStep {
  /** Pods with the old and with the new template. */
  stable: number;
  candidate: number;
  /** Share of the traffic that the new pods get, in percent. */
  weight: number;
  /** What is done or waited for then; empty for the begin. */
  message: string;
}

/** What a forecast is made from. */
export interface ForecastRequest {
  strategy: Strategy;
  settings: object;
  parts: HeldParts;
  /** Numbers of the revision that is released, and of the one before. */
  revision: number;
  stable: number;
  /** Pods that there are now, and the Deployment's rollout fields. */
  replicas: number;
  fields: RolloutFields;
  analyses?: AnalysesByName;
  /** The earlier revision whose pods come back: nothing is waited for. */
  rollbackOf?: number;
}

/** More decisions than any release takes. */
const mostDecisions = 2000;

/** Milliseconds that end every wait that has an end. */
const longMs = 1e12;

/**
 * The release before it happens: its strategy decides against a simulated Deployment controller whose pods are ready at
 * once, with analyses that pass and a person who promotes.
 */
export function forecast(request: ForecastRequest): ForecastStep[] {
  const course = new Course(request);
  for (let count = 0; count < mostDecisions && course.proceed(); count++);
  return course.steps;
}

/** A release that is simulated, decision by decision. */
class Course {
  readonly steps: ForecastStep[] = [];
  readonly #request: ForecastRequest;
  readonly #release: SimulatedRelease;
  #state: StrategyState;
  #phaseMs = 0;
  /** What was done last, and waited for last. */
  #done = '';
  #waited = '';

  constructor(request: ForecastRequest) {
    const { strategy, settings, parts, revision, replicas, fields } = request;
    const { deployment, service, previewName, router } = parts;
    this.#request = request;
    this.#state = strategy.begin(settings);
    this.#release = new SimulatedRelease({
      deployment: referenceOf(deployment),
      manifest: { replicas: deployment.spec.replicas ?? 1, fields: rolloutFieldsOf(deployment) },
      ...{ revision, replicas, fields },
      ...defined({ service, previewName, router }),
    });
    this.#note('');
  }

  /** Takes one decision. @returns false when the release is over */
  proceed(): boolean {
    const decision = this.#decide();
    if (decision.type === 'wait') this.#wait(decision.message);
    // What is applied as rolling does it ends what is held.
    else if (decision.type !== 'act' || decision.action.type === 'apply') return false;
    else this.#act(decision);
    return true;
  }

  #decide(): Decision {
    const { strategy, settings, revision, stable, analyses = {}, rollbackOf } = this.#request;
    return strategy.decide({
      release: {
        ...{ revision, stable, rollback: 'auto', timeoutMs: Infinity, generations: {} },
        ...defined({ rollbackOf }),
      },
      ...{ settings, state: this.#state, phaseMs: this.#phaseMs },
      observed: { type: 'seen', workloads: [], holding: this.#release.holding() },
      analyses: { settings: analyses, samples: this.#release.samples },
    });
  }

  #wait(message: string): void {
    if (this.#release.controllerSteps()) {
      this.#note(this.#done);
      return;
    }
    const { strategy, settings } = this.#request;
    const step = strategy.waitingStep?.(this.#state);
    const waiting = strategy.waitsFor?.(this.#state, settings);
    const waited = `${this.#state.phase} ${String(step)}`;
    // A step is shown as it is called; a measurement that has been taken is not.
    const isStep = waiting !== undefined && (step !== undefined || !waiting.forPerson);
    if (waited !== this.#waited) this.steps.push(this.#now(isStep ? waiting.text : this.#shortened(message)));
    this.#waited = waited;
    if (waiting?.forPerson === true && this.#phaseMs >= longMs) this.#release.promote(step);
    else this.#phaseMs += longMs;
  }

  #act({ action, next, message }: Extract<Decision, { type: 'act' }>): void {
    this.#release.act(action, this.#phaseMs);
    if (action.type !== 'measure') this.#done = this.#shortened(message);
    if (action.type === 'selectPods' || action.type === 'route') this.#note(this.#done);
    if (next.phase !== this.#state.phase) this.#phaseMs = 0;
    this.#state = next;
  }

  /** Notes a moment, unless it is the one before. */
  #note(message: string): void {
    const step = this.#now(message);
    if (!sameJson(step, this.steps.at(-1))) this.steps.push(step);
  }

  #now(message: string): ForecastStep {
    return { ...this.#release.counts(), message };
  }

  /** Without the name of the Deployment, which stands above all of them. */
  #shortened(message: string): string {
    return message.replace(`${this.#request.parts.deployment.metadata.name}: `, '');
  }
}
