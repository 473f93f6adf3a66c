import { describe, expect, it } from '@jest/globals';
import { CancelledError, DeadlineError, InputError } from '../../../src/base/errors.ts';
import {
  foldOutcome,
  outcomeOfAbort,
  outcomeOfError,
  type CountedStage,
} from '../../../src/engine/outcome.ts';
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
    ['internal', [stage('rolledBack'), stage('failed', { internal: true, allowedToFail: true })]],
  ])('is %s for %j', (expected, stages) => {
    expect(foldOutcome(stages, undefined).outcome).toBe(expected);
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
