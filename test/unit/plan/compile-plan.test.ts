import { describe, expect, it } from '@jest/globals';
import { bindNamespace, compilePlan } from '../../../src/plan/compile-plan.ts';
import type { Plan, PlanInputs } from '../../../src/plan/plan.ts';
import { requirePipeline } from '../../../src/spec/parse-pipeline.ts';
import { pipelineOf } from '../../fakes/run-harness.ts';
import { testDefinitions } from '../../fakes/stage-kinds.ts';

function planOf(text: string, inputs: Partial<PlanInputs> = {}): Plan {
  const { pipeline } = requirePipeline({
    file: 'app.yaml',
    text: pipelineOf(text),
    definitions: testDefinitions,
  });
  const plan = compilePlan(pipeline, {
    parameters: {},
    trigger: {},
    defaultAgentImage: 'agent:1',
    definitions: testDefinitions,
    ...inputs,
  });
  return bindNamespace(plan, 'ci');
}

describe('the plan of a run', () => {
  it('multiplies a stage by its matrix, and has others wait for every cell', () => {
    const plan = planOf(`
stages:
  - {name: source, checkout: {}}
  - {name: test, run: t, matrix: {node: [22, 24], os: [linux, "mac os"]}}
  - {name: image, run: i}
`);

    expect(plan.nodes.map(({ name, needs }) => [name, needs])).toEqual([
      ['source', []],
      ['test.22.linux', ['source']],
      ['test.22.mac-os', ['source']],
      ['test.24.linux', ['source']],
      ['test.24.mac-os', ['source']],
      ['image', ['test.22.linux', 'test.22.mac-os', 'test.24.linux', 'test.24.mac-os']],
    ]);
    expect(plan.nodes[2]?.matrix).toEqual({ node: 22, os: 'mac os' });
  });

  it('keeps the names of cells apart that would look the same', () => {
    const plan = planOf('stages: [{name: a, run: b, matrix: {v: ["x/y", "x y", "x-y"]}}]');

    expect(plan.nodes.map(({ name }) => name)).toEqual(['a.x-y', 'a.x-y-2', 'a.x-y-3']);
  });

  it('names cells by their place in the list where nothing of a value can be read', () => {
    const plan = planOf('stages: [{name: a, run: b, matrix: {v: ["", "日本", "x", "ü1"]}}]');

    expect(plan.nodes.map(({ name }) => name)).toEqual(['a.value1', 'a.value2', 'a.x', 'a.-1']);
  });

  it('puts what is needed before what needs it', () => {
    const plan = planOf(
      'stages: [{name: a, run: x, needs: [b]}, {name: b, run: x, needs: []}]\nfinally: [{name: f, run: x}]',
    );

    expect(plan.nodes.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
      'b main',
      'a main',
      'f finally',
    ]);
  });

  it('describes the agent, expressions evaluated', () => {
    const plan = planOf(
      `
parameters: {node: {type: number, default: 24}}
agent:
  namespace: builds
  containers: {node: {image: "node:\${{ params.node }}", env: {FROM: "\${{ trigger.type }}"}}}
  services: {db: {image: "postgres:16", ready: {tcp: 5432}}}
  podTemplate: {spec: {nodeSelector: {pool: "p\${{ params.node }}"}}}
stages: [{name: a, run: b}]
`,
      { trigger: { type: 'push' }, parameters: { node: '22' } },
    );

    expect(plan.namespace).toBe('builds');
    expect(plan.agents['main']).toEqual({
      pipeline: 'demo',
      namespace: 'builds',
      containers: [{ name: 'node', image: 'node:22', env: { FROM: { type: 'plain', value: 'push' } } }],
      services: [{ name: 'db', image: 'postgres:16', env: {}, ready: { tcp: 5432 } }],
      podTemplate: { spec: { nodeSelector: { pool: 'p22' } } },
      imagePullSecrets: [],
      startTimeoutMs: 300_000,
    });
  });

  it('takes the default agent image when the file names no container', () => {
    expect(planOf('stages: [{name: a, run: b}]').agents['main']?.containers).toEqual([
      { name: 'default', image: 'agent:1', env: {}, unprivileged: true },
    ]);
  });

  it('knows which stages work in the agent', () => {
    const plan = planOf('stages: [{name: a, run: b}, {name: w, wait: {for: 1s}}]');

    expect(plan.nodes.map(({ needsAgent }) => needsAgent)).toEqual([true, false]);
  });

  it('refuses a matrix that is out of all proportion', () => {
    const values = JSON.stringify(Array.from({ length: 20 }, (_, index) => index));

    expect(() => planOf(`stages: [{name: a, run: b, matrix: {x: ${values}, y: ${values}}}]`)).toThrow(
      'at most 256',
    );
  });
});

describe('the namespace of a plan', () => {
  const inputs = { parameters: {}, trigger: {}, defaultAgentImage: 'agent:1', definitions: testDefinitions };
  const compiled = (head: string) => {
    const text = pipelineOf(`${head}stages: [{name: a, run: b}]`);
    return compilePlan(
      requirePipeline({ file: 'app.yaml', text, definitions: testDefinitions }).pipeline,
      inputs,
    );
  };

  it('is that of the file, whatever the runner finds', () => {
    const plan = bindNamespace(compiled('agent: {namespace: builds}\n'), 'found');

    expect([plan.namespace, plan.agents['main']?.namespace]).toEqual(['builds', 'builds']);
  });

  it('is what the runner finds when the file says none; that changes nothing else', () => {
    const unbound = compiled('');
    const plan = bindNamespace(unbound, 'found');

    expect(unbound).not.toHaveProperty('namespace');
    expect(plan).toEqual({
      ...unbound,
      namespace: 'found',
      agents: { main: { ...unbound.agents['main'], namespace: 'found' } },
    });
  });
});

describe('parameters', () => {
  const declared = `
parameters:
  name: {type: string, pattern: "[a-z]+", default: web}
  target: {type: choice, options: [staging, production], default: staging}
  fast: {type: boolean, default: false}
  count: {type: number, default: 1}
stages: [{name: a, run: b}]
`;

  it('are typed, defaults filled in', () => {
    const { parameters } = planOf(declared, { parameters: { fast: 'true', count: '2.5' } });

    expect(parameters).toEqual({ name: 'web', target: 'staging', fast: true, count: 2.5 });
  });

  it('are refused all at once', () => {
    const wrong = { name: 'Web1', target: 'prod', fast: 'yes', count: 'many', taget: 'x' };

    expect(() => planOf(declared, { parameters: wrong })).toThrow(
      [
        'there is no parameter "taget" (did you mean "target"? allowed: name, target, fast, count)',
        'parameter "name" does not match [a-z]+: "Web1"',
        'parameter "target" is one of staging, production, not "prod"',
        'parameter "fast" is true or false, not "yes"',
        'parameter "count" is a number, not "many"',
      ].join('\n'),
    );
  });

  it('without a default are required', () => {
    expect(() =>
      planOf('parameters: {v: {type: string, description: the version}}\nstages: [{name: a, run: b}]'),
    ).toThrow('parameter "v" is missing: the version');
  });
});
