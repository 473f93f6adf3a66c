import { describe, expect, it } from '@jest/globals';
import { bindNamespace, compilePlan } from '../../../src/plan/compile-plan.ts';
import { matrixVariable } from '../../../src/plan/matrix.ts';
import { agentOf, type Plan, type PlanInputs } from '../../../src/plan/plan.ts';
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

  it('makes of a value no more than a short part of a name', () => {
    const plan = planOf(`stages: [{name: a, run: b, matrix: {v: ["mac   os", ${'x'.repeat(60)}]}}]`);

    expect(plan.nodes.map(({ name }) => name)).toEqual(['a.mac-os', `a.${'x'.repeat(40)}`]);
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
  podTemplate: {spec: {nodeSelector: {pool: "p\${{ params.node }}"}, tolerations: [{key: "t\${{ params.node }}"}], affinity: null}}
  cache: {claim: caches}
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
      podTemplate: {
        spec: { nodeSelector: { pool: 'p22' }, tolerations: [{ key: 't22' }], affinity: null },
      },
      cacheClaim: 'caches',
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

  it('takes a matrix that is just as large as may be', () => {
    const values = JSON.stringify(Array.from({ length: 16 }, (_, index) => index));

    expect(planOf(`stages: [{name: a, run: b, matrix: {x: ${values}, y: ${values}}}]`).nodes).toHaveLength(
      256,
    );
  });

  it('is made with the kinds of stages that the file was read with', () => {
    expect(() => planOf('stages: [{name: a, run: b}]', { definitions: [] })).toThrow(
      'there is no kind of stage "run"',
    );
  });

  it('knows the agent of each of its stages', () => {
    const plan = planOf('stages: [{name: a, run: b}]');

    expect(agentOf(plan, plan.nodes[0]!)).toBe(plan.agents['main']);
    expect(() => agentOf(plan, { name: 'a', agent: 'other' })).toThrow(
      'stage a works in the agent "other", which the plan has not',
    );
  });
});

describe('the variable of a matrix key', () => {
  it.each([
    ['shard', 'SHARD'],
    ['nodeVersion', 'NODE_VERSION'],
    ['es2023Target', 'ES2023_TARGET'],
  ])('%s is %s', (key, variable) => {
    expect(matrixVariable(key)).toBe(variable);
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
    expect(() => planOf('parameters: {v: {type: string}}\nstages: [{name: a, run: b}]')).toThrow(
      /^parameter "v" is missing$/,
    );
  });

  it('that are not required are empty', () => {
    const text = `
parameters:
  text: {type: string, required: false}
  switch: {type: boolean, required: false}
  number: {type: number, required: false}
stages: [{name: a, run: b}]
`;

    expect(planOf(text).parameters).toEqual({ text: '', switch: false, number: 0 });
    expect(planOf(text, { parameters: { text: 'any Text 1' } }).parameters['text']).toBe('any Text 1');
  });

  it('have the values that they are given', () => {
    const parameters = { name: 'shop', target: 'production', fast: 'false', count: '0' };

    expect(planOf(declared, { parameters }).parameters).toEqual({
      name: 'shop',
      target: 'production',
      fast: false,
      count: 0,
    });
  });

  it.each([
    [{ count: ' ' }, 'parameter "count" is a number, not " "'],
    [{ count: 'Infinity' }, 'parameter "count" is a number, not "Infinity"'],
    [{ slow: 'a'.repeat(30_000) }, 'parameter "slow": the pattern ([a-z]{1,30}){1,30} is tried on at most'],
  ])('are refused with the reason', (parameters, message) => {
    const text = declared.replace(
      'parameters:',
      'parameters:\n  slow: {type: string, pattern: "([a-z]{1,30}){1,30}", default: a}',
    );

    expect(() => planOf(text, { parameters })).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message) as unknown,
        hint: expect.stringContaining('-p NAME=VALUE') as unknown,
      }),
    );
  });
});
