import { describe, expect, it } from '@jest/globals';
import { RunState } from '../../../src/engine/run-state.ts';
import { containerOf, viewOf } from '../../../src/engine/stage-scope.ts';
import type { Plan, PlanNode } from '../../../src/plan/plan.ts';
import type { StageRecord } from '../../../src/ports/run-record.ts';
import { testKinds } from '../../fakes/stage-kinds.ts';

const node = (name: string, more: Partial<PlanNode> = {}): PlanNode =>
  ({
    ...{ name, stage: name, kind: 'run', phase: 'main', needs: [], allowFailure: false },
    ...{ matrix: {}, env: {}, agent: 'main' },
    ...more,
  }) as PlanNode;

const stage = (more: Partial<StageRecord> = {}): StageRecord => ({
  ...{ state: 'done', attempt: 1, outcome: 'succeeded', outputs: {}, environment: {}, offsets: {} },
  ...more,
});

const plain = (value: string) => ({ type: 'plain', value }) as const;
const hashFiles = () => Promise.resolve('');

function stateOf(
  nodes: readonly PlanNode[],
  stages: Record<string, StageRecord>,
  env: Plan['env'] = {},
): RunState {
  const plan = { nodes, env, parameters: { port: 8080 }, trigger: { type: 'manual' }, agents: {} };
  const record = { runId: '01RUN', pipeline: 'demo', namespace: 'ci', stages };
  return new RunState(plan as unknown as Plan, { record } as never, testKinds);
}

describe('what a stage sees of the run', () => {
  it('is the run, its parameters and its trigger, and its own matrix', async () => {
    const own = node('a', { matrix: { size: 2 } });

    const { scope } = await viewOf(stateOf([own], {}), own, { hashFiles });

    expect(scope).toEqual({
      params: { port: 8080 },
      trigger: { type: 'manual' },
      git: {},
      run: { id: '01RUN', pipeline: 'demo', namespace: 'ci', status: 'succeeded' },
      stages: {},
      matrix: { size: 2 },
      env: { CI: 'true', SIZE: '2', SLIPWAY_RUN: '01RUN', SLIPWAY_STAGE: 'a' },
      hashFiles,
    });
  });

  it('is what earlier stages put out, by node, and by the name that cells of a matrix share', async () => {
    const cell = (name: string) => node(name, { stage: 'test' });
    const own = node('own', { needs: ['test.1', 'test.2', 'test.3', 'build'] });
    const nodes = [node('build'), cell('test.1'), cell('test.2'), cell('test.3'), own];
    const stages = {
      build: stage({ outputs: { version: '1' } }),
      'test.1': stage({ outputs: { n: '1', only: 'x' } }),
      'test.2': stage({ outcome: 'failed', outputs: { n: '2' } }),
      'test.3': stage(),
    };

    const { scope, outputs } = await viewOf(stateOf(nodes, stages), own, { hashFiles });

    expect(scope.stages).toEqual({
      build: { outcome: 'succeeded', outputs: { version: '1' } },
      test: { outcome: 'failed', outputs: { n: '2', only: 'x' } },
      'test.1': { outcome: 'succeeded', outputs: { n: '1', only: 'x' } },
      'test.2': { outcome: 'failed', outputs: { n: '2' } },
      'test.3': { outcome: 'succeeded', outputs: {} },
    });
    expect(outputs).toEqual({
      build: { version: '1' },
      test: { n: '2', only: 'x' },
      'test.1': { n: '1', only: 'x' },
      'test.2': { n: '2' },
      'test.3': {},
    });
  });
});

describe('the environment of a stage', () => {
  it('is, later ones winning, CI, the run’s, earlier stages’, its own, its matrix and Slipway’s', async () => {
    const names = ['CI', 'A', 'B', 'C', 'SIZE', 'SLIPWAY_RUN'] as const;
    const from = (index: number, value: string) =>
      Object.fromEntries(names.slice(index).map((name) => [name, value]));
    const plains = (values: Record<string, string>) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value)]));
    const own = node('own', {
      needs: ['first', 'second'],
      matrix: { size: 2 },
      env: plains(from(3, 'own')),
    });
    const stages = {
      first: stage({ environment: { ...from(1, 'first'), A: 'first' } }),
      second: stage({ environment: from(2, 'second') }),
    };
    const state = stateOf([node('first'), node('second'), own], stages, plains(from(0, 'run')));

    const { env } = await viewOf(state, own, { hashFiles, workspace: '/workspace' });

    expect(env).toEqual(
      plains({
        ...{ CI: 'run', A: 'first', B: 'second', C: 'own', SIZE: '2' },
        ...{ SLIPWAY_RUN: '01RUN', SLIPWAY_STAGE: 'own', SLIPWAY_WORKSPACE: '/workspace' },
      }),
    );
  });

  it('is evaluated: the run’s without env, its own with what stands before it; secrets are no text', async () => {
    const token = { type: 'secret', secret: 'npm', key: 'token' } as never;
    const own = node('own', { needs: ['first'], env: { TAG: plain('${{ env.BASE }}-${{ env.DIR }}') } });
    const state = stateOf(
      [node('first'), own],
      { first: stage({ environment: { DIR: 'out' } }) },
      {
        BASE: plain('${{ params.port }}'),
        TOKEN: token,
      },
    );

    const { env, scope } = await viewOf(state, own, { hashFiles });

    expect(env).toMatchObject({ BASE: plain('8080'), TOKEN: token, TAG: plain('8080-out') });
    expect(scope.env).toMatchObject({ BASE: '8080', TAG: '8080-out' });
    expect(scope.env).not.toHaveProperty('TOKEN');
  });
});

describe('the source that a stage sees', () => {
  const source = (name: string, more: Partial<PlanNode> = {}) => node(name, { kind: 'checkout', ...more });
  const found = (directory: string) => stage({ outputs: { sha: `of ${directory}`, directory } });

  it('is that of the first checkout that succeeded; its folder, that of the first in the same agent', async () => {
    const needs = ['none', 'other', 'here', 'later'];
    const own = node('own', { needs });
    const nodes = [source('none'), source('other', { agent: 'web' }), source('here'), source('later'), own];
    const stages = {
      none: { ...found('none'), outcome: 'failed' as const },
      other: found('other'),
      here: found('here'),
      later: found('later'),
    };

    const view = await viewOf(stateOf(nodes, stages), own, { hashFiles });

    expect(view.scope.git).toEqual({ sha: 'of other', directory: 'other' });
    expect(view.workingDirectory).toBe('here');
  });

  it('is nothing, and the workspace itself, without a checkout', async () => {
    const own = node('own', { needs: ['a'] });
    const stages = { a: stage({ outputs: { directory: 'x', sha: 'y' } }) };

    const view = await viewOf(stateOf([node('a'), own], stages), own, { hashFiles });

    expect([view.scope.git, view.workingDirectory]).toEqual([{}, '.']);
  });
});

describe('the container of a stage without one', () => {
  it('is the first of its agent', async () => {
    const containers = [{ name: 'node' }, { name: 'tools' }];
    const state = stateOf([], {});
    Object.assign(state.plan.agents, { main: { containers } });

    expect(await containerOf(state, node('a'), {} as never)).toBe('node');
  });
});
