import { describe, expect, it } from '@jest/globals';
import { CancelledError, DeadlineError, InputError } from '../../../src/base/errors.ts';
import {
  foldOutcome,
  outcomeOfAbort,
  outcomeOfError,
  type CountedStage,
} from '../../../src/engine/outcome.ts';
import { decideNode, type NodeState } from '../../../src/engine/schedule.ts';
import type { PlanNode } from '../../../src/plan/plan.ts';
import { AgentError } from '../../../src/ports/agent.ts';
import type { StageOutcome } from '../../../src/ports/events.ts';

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

describe('the outcome of an attempt', () => {
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
