import { describe, expect, it } from '@jest/globals';
import {
  CancelledError,
  DeadlineError,
  InputError,
  SlipwayError,
  type Fault,
} from '../../../src/base/errors.ts';
import {
  foldOutcome,
  outcomeOfAbort,
  outcomeOfError,
  type AttemptResult,
  type CountedStage,
} from '../../../src/engine/outcome.ts';
import { decideNode, type NodeState } from '../../../src/engine/schedule.ts';
import type { PlanNode } from '../../../src/plan/plan.ts';
import { AgentError } from '../../../src/ports/agent.ts';
import type { RunOutcome, StageOutcome } from '../../../src/ports/events.ts';

/** An error of any fault, as adapters have their own. */
class OtherError extends SlipwayError {
  readonly code = 'other';
  readonly fault: Fault;

  constructor(fault: Fault, hint?: string) {
    super('no way', hint === undefined ? {} : { hint });
    this.fault = fault;
  }
}

function stage(outcome: StageOutcome, more: Partial<CountedStage> = {}): CountedStage {
  return { name: outcome, outcome, allowedToFail: false, ...more };
}

describe('the outcome of a run', () => {
  it.each<[string, CountedStage[]]>([
    ['succeeded', [stage('succeeded'), stage('skipped')]],
    ['succeeded', [stage('failed', { allowedToFail: true })]],
    ['failed', [stage('failed'), stage('infrastructure')]],
    ['failed', [stage('timedOut')]],
    ['infrastructure', [stage('infrastructure'), stage('skipped')]],
    ['rolledBack', [stage('failed'), stage('rolledBack')]],
    ['detached', [stage('detached'), stage('skipped')]],
    ['detached', [stage('cancelled'), stage('detached')]],
    ['infrastructure', [stage('detached'), stage('infrastructure')]],
    ['succeeded', [stage('detached', { allowedToFail: true })]],
    ['aborted', [stage('cancelled')]],
    ['aborted', [stage('cancelled', { allowedToFail: true }), stage('skipped')]],
    ['succeeded', [stage('timedOut', { allowedToFail: true })]],
    ['internal', [stage('rolledBack'), stage('failed', { internal: true, allowedToFail: true })]],
  ])('is %s for %j', (expected, stages) => {
    expect(foldOutcome(stages, undefined).outcome).toBe(expected);
  });

  it('names every stage that ended badly, the one that decided it with its reason', () => {
    const stages = [
      stage('infrastructure', { name: 'lint', message: 'no answer' }),
      stage('failed', { name: 'build', message: 'exit code 1' }),
      stage('cancelled', { name: 'pack' }),
      stage('failed', { name: 'test', message: 'exit code 2' }),
    ];

    expect(foldOutcome(stages, undefined).message).toBe('build: exit code 1; also: lint, test');
  });

  it('has the hint of the stage that decided it, and says how it ended where it has no message', () => {
    expect(foldOutcome([stage('timedOut', { hint: 'raise `timeout`' })], undefined)).toStrictEqual({
      outcome: 'failed',
      message: 'timedOut: timedOut',
      hint: 'raise `timeout`',
    });
    expect(foldOutcome([stage('failed', { message: 'it failed' })], undefined)).toStrictEqual({
      outcome: 'failed',
      message: 'failed: it failed',
    });
  });

  it.each<[string, Error]>([
    ['interrupted', new CancelledError('SIGINT', { fault: 'interrupted' })],
    ['aborted', new CancelledError('cancelled')],
    ['failed', new DeadlineError('the run', 1000)],
    ['internal', new TypeError('x is not a function')],
  ])('is %s when that stopped it, whatever the stages came to', (expected, reason) => {
    expect(foldOutcome([stage('failed'), stage('cancelled')], reason)).toMatchObject({
      outcome: expected,
      message: reason.message,
    });
  });
});

describe('what stopped a run', () => {
  it.each<[Fault, RunOutcome]>([
    ['interrupted', 'interrupted'],
    ['aborted', 'aborted'],
    ['internal', 'internal'],
    ['infrastructure', 'infrastructure'],
    ['rolledBack', 'failed'],
    ['failure', 'failed'],
    ['input', 'failed'],
  ])('is, by its fault %s, the outcome %s, with the hint', (fault, outcome) => {
    const expected = { outcome, message: 'no way' };

    expect(foldOutcome([], new OtherError(fault, 'walk'))).toStrictEqual({ ...expected, hint: 'walk' });
    expect(foldOutcome([], new OtherError(fault))).toStrictEqual(expected);
  });
});

describe('the outcome of an attempt', () => {
  it.each<[Fault, AttemptResult['outcome'], { internal?: true }]>([
    ['infrastructure', 'infrastructure', {}],
    ['rolledBack', 'rolledBack', {}],
    ['aborted', 'cancelled', {}],
    ['interrupted', 'cancelled', {}],
    ['input', 'failed', {}],
    ['failure', 'failed', {}],
    ['internal', 'failed', { internal: true }],
  ])('is, by the fault %s of its error, %s, with the hint', (fault, outcome, more) => {
    const [hinted, plain] = [new OtherError(fault, 'walk'), new OtherError(fault)];
    const expected = { outcome, message: 'no way', outputs: {}, environment: {}, ...more };

    expect(outcomeOfError(hinted)).toStrictEqual({ ...expected, error: hinted, hint: 'walk' });
    expect(outcomeOfError(plain)).toStrictEqual({ ...expected, error: plain });
  });

  it.each<[string, unknown]>([
    ['infrastructure', new AgentError('evicted', 'the pod was evicted')],
    ['failed', new InputError('no such file')],
    ['cancelled', new CancelledError('refused')],
    ['failed', new Error('x')],
    ['failed', 'a string'],
  ])('is %s for the error %s', (expected, error) => {
    expect(outcomeOfError(error).outcome).toBe(expected);
  });

  it('is timedOut only when a deadline aborted it', () => {
    expect(outcomeOfAbort(new DeadlineError('stage "a"', 1000)).outcome).toBe('timedOut');
    expect(outcomeOfAbort(new CancelledError()).outcome).toBe('cancelled');
  });

  it('keeps the hint of what aborted it, where there is one', () => {
    const expected = { outcome: 'cancelled', message: 'no way', outputs: {}, environment: {} };

    expect(outcomeOfAbort(new OtherError('aborted', 'walk'))).toStrictEqual({ ...expected, hint: 'walk' });
    expect(outcomeOfAbort(new OtherError('aborted'))).toStrictEqual(expected);
    expect(outcomeOfAbort(new Error('no way'))).toStrictEqual(expected);
  });
});

describe('a stage whose need is done', () => {
  const node = (name: string, more: Partial<PlanNode> = {}) =>
    ({ name, stage: name, phase: 'main', needs: [], allowFailure: false, ...more }) as unknown as PlanNode;

  function verdictAfter(outcome: StageOutcome, allowFailure: boolean, more: Partial<NodeState> = {}): string {
    const nodes = [node('before', { allowFailure }), node('after', { needs: ['before'] })] as const;
    return decideNode(
      nodes[1],
      new Map(nodes.map((each) => [each.name, each])),
      new Map([['before', { state: 'done', outcome, ...more }]]),
    );
  }

  it.each<[string, StageOutcome, boolean]>([
    ['start', 'succeeded', false],
    ['start', 'skipped', false],
    ['blocked', 'failed', false],
    ['blocked', 'timedOut', false],
    ['blocked', 'cancelled', false],
    ['start', 'failed', true],
    ['start', 'infrastructure', true],
    ['start', 'timedOut', true],
  ])('may %s after one that %s, allowed to fail: %s', (verdict, outcome, allowFailure) => {
    expect(verdictAfter(outcome, allowFailure)).toBe(verdict);
  });

  it('is blocked by one that was cancelled, though it is allowed to fail: it did not', () => {
    expect(verdictAfter('cancelled', true)).toBe('blocked');
  });

  it('is blocked by one that was blocked, though it is allowed to fail', () => {
    expect(verdictAfter('skipped', true, { blocked: true })).toBe('blocked');
  });
});
