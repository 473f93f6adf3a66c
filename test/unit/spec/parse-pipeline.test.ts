import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatDiagnostic, PipelineFileError } from '../../../src/spec/diagnostic.ts';
import { parsePipeline, requirePipeline } from '../../../src/spec/parse-pipeline.ts';
import { pipelineOf } from '../../fakes/run-harness.ts';
import { testDefinitions } from '../../fakes/stage-kinds.ts';
import { cases } from '../../support/cases.ts';

function errorsOf(text: string): string[] {
  const parsed = parsePipeline({ file: 'app.yaml', text, definitions: testDefinitions });
  return (parsed.ok ? parsed.warnings : parsed.diagnostics).map(formatDiagnostic);
}

function inStages(stages: string): string[] {
  return errorsOf(pipelineOf(`stages:\n${stages}`));
}

describe('a pipeline file', () => {
  it('becomes a typed pipeline, with defaults filled in and durations in milliseconds', () => {
    const text = pipelineOf(`
parameters:
  target: {type: choice, options: [staging, production], default: staging}
env: {CI: "true", PORT: 8080, TOKEN: {secret: npm, key: token}}
secrets: {npm: {kubernetes: {name: npm-token}}, key: {file: ./key}}
agent:
  containers: {node: {image: "node:24", resources: {requests: {cpu: 1}}}}
  services: {db: {image: "postgres:16", ready: {http: {port: 5432}}}}
  cache: {claim: caches}
timeout: 1h30m
stages:
  - name: source
    checkout: {depth: 1}
  - name: test
    needs: [source]
    matrix: {shard: [1, 2]}
    retry: {max: 2, backoff: 10s}
    timeout: 90s
    run: npm test
`);

    const { pipeline, warnings } = requirePipeline({ file: 'app.yaml', text, definitions: testDefinitions });

    expect(warnings).toEqual([]);
    expect(pipeline).toEqual({
      name: 'demo',
      parameters: {
        target: { type: 'choice', options: ['staging', 'production'], default: 'staging', required: false },
      },
      env: {
        CI: { type: 'plain', value: 'true' },
        PORT: { type: 'plain', value: '8080' },
        TOKEN: { type: 'secret', secret: 'npm', key: 'token' },
      },
      secrets: { npm: { type: 'kubernetes', name: 'npm-token' }, key: { type: 'file', path: './key' } },
      agent: {
        containers: { node: { image: 'node:24', env: {}, resources: { requests: { cpu: '1' } } } },
        services: { db: { image: 'postgres:16', env: {}, ready: { http: { port: 5432, path: '/' } } } },
        imagePullSecrets: [],
        cacheClaim: 'caches',
        startTimeoutMs: 300_000,
      },
      stages: [
        {
          name: 'source',
          kind: 'checkout',
          input: { checkout: { depth: 1 } },
          retry: { max: 0, on: ['infrastructure'], backoffMs: 5000 },
          allowFailure: false,
          env: {},
        },
        {
          name: 'test',
          kind: 'run',
          input: { run: 'npm test' },
          needs: ['source'],
          matrix: { shard: [1, 2] },
          retry: { max: 2, on: ['infrastructure'], backoffMs: 10_000 },
          timeoutMs: 90_000,
          allowFailure: false,
          env: {},
        },
      ],
      finally: [],
      timeoutMs: 5_400_000,
    });
  });

  it('tells every error at once, in the order of the file', () => {
    const text = `apiVersion: slipway.dev/v2
kind: Pipeline
nam: web
stages:
  - name: Build
    rnu: make
    timeout: soon
  - {name: test, run: make, needs: [biuld]}
`;

    expect(errorsOf(text)).toEqual([
      'app.yaml:1:1: "name" is missing',
      'app.yaml:1:13: expected "slipway.dev/v1", found "slipway.dev/v2"',
      'app.yaml:3:1: unknown key "nam" (did you mean "name"? allowed: apiVersion, kind, name, parameters, env, secrets, agent, timeout, stages, finally)',
      'app.yaml:5:11: "Build": a name holds lowercase letters, digits and "-", and begins with a letter',
      'app.yaml:6:5: unknown key "rnu" (did you mean "run"? allowed: checkout, run, wait)',
      'app.yaml:7:14: "soon": a duration is written like 90s, 2m or 1h30m',
      'app.yaml:8:37: there is no stage "biuld" (did you mean "Build"? allowed: Build)',
    ]);
  });

  it.each([
    ['two documents', 'a: 1\n---\nb: 2\n', 'app.yaml:2:1: a pipeline file must be a single YAML document'],
    ['a key that is there twice', 'name: a\nkind: Pipeline\nname: b\n', 'app.yaml:3:1: duplicate key'],
    ['an empty file', '', 'app.yaml:1:1: the file is empty'],
    ['a list', '- a\n', 'app.yaml:1:1: a pipeline file must be an object, found a list'],
    ['a key that is no text', '[a]: b\n', 'app.yaml:1:1: YAML: With stringKeys, all keys must be strings'],
  ])('refuses %s', (_what, text, expected) => {
    expect(errorsOf(text)).toEqual([expected]);
  });

  it('follows no bomb of aliases', () => {
    const levels = Array.from({ length: 9 }, (_, index) => {
      const inner =
        index === 0 ? '"x"' : Array.from({ length: 9 }, () => `*l${String(index - 1)}`).join(', ');
      return `l${String(index)}: &l${String(index)} [${inner}]`;
    });

    expect(errorsOf(levels.join('\n'))[0]).toContain('at most 100 aliases are followed');
  });

  it('follows merge keys, and finds errors in what they bring', () => {
    const text = (more: string) =>
      pipelineOf(`env: &common {CI: "true", A: "1"}
stages:
  - name: a
    env: {<<: *common, A: "2"}
    run: b
${more}`);

    const { pipeline } = requirePipeline({ file: 'app.yaml', text: text(''), definitions: testDefinitions });

    expect(pipeline.stages[0]?.env).toEqual({
      CI: { type: 'plain', value: 'true' },
      A: { type: 'plain', value: '2' },
    });
    expect(errorsOf(text('  - {name: c, run: d, <<: {nam: x}}'))).toEqual([
      expect.stringMatching(/^app\.yaml:\d+:28: unknown key "nam"/),
    ]);
    expect(errorsOf(text('  - {name: c, run: d, <<: 3}'))).toEqual([
      expect.stringMatching(/YAML: Merge sources must be maps/),
    ]);
  });

  it('refuses a file too large to be kept in the record', () => {
    expect(errorsOf(`a: "${'x'.repeat(300_000)}"`)[0]).toContain('larger than 256 KiB');
  });

  it.each(['extends', 'triggers', 'concurrency', 'notify'])('says that %s is not supported yet', (key) => {
    const errors = errorsOf(pipelineOf(`${key}: {}\nstages: [{name: a, run: b}]`));

    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(`"${key}" is not supported yet`);
  });

  it('refuses a number that YAML would change', () => {
    expect(errorsOf(pipelineOf('env: {VERSION: 1.10, PORT: 8080}\nstages: [{name: a, run: b}]'))).toEqual([
      'app.yaml:4:16: 1.10 is a number and would become 1.1 (write "1.10" in quotes)',
    ]);
  });

  it('warns of a timeout that cannot be reached', () => {
    const parsed = parsePipeline({
      file: 'app.yaml',
      text: pipelineOf('timeout: 1m\nstages: [{name: a, run: b, timeout: 2m}]'),
      definitions: testDefinitions,
    });

    expect(parsed).toMatchObject({ ok: true, warnings: [{ code: 'timeout', severity: 'warning' }] });
  });

  it('never throws, whatever the text is', () => {
    const words = fc.constantFrom(
      'stages',
      'name',
      'run',
      ':',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '\n  ',
      '"',
      '${{',
      '}}',
      'a',
      '&a',
      '*a',
      '!!x',
      '0',
      '|',
      '\n',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((parts) => parts.join('')),
        ),
        (text) => {
          expect(Array.isArray(errorsOf(text))).toBe(true);
          expect(Array.isArray(errorsOf(pipelineOf(`stages:\n${text}`)))).toBe(true);
        },
      ),
      { numRuns: cases(300) },
    );
  });

  it('throws an error that carries every diagnostic, for callers that need a valid file', () => {
    const parse = () =>
      requirePipeline({ file: 'app.yaml', text: 'kind: x\n', definitions: testDefinitions });

    expect(parse).toThrow('app.yaml:1:7: expected "Pipeline", found "x"');
    expect(parse).toThrow(PipelineFileError);
  });
});

describe('stages', () => {
  it.each([
    [
      'no kind',
      '  - {name: a, env: {}}',
      ['app.yaml:5:5: stage "a" has no kind (add one of checkout, run, wait)'],
    ],
    [
      'two kinds',
      '  - {name: a, run: b, checkout: {}}',
      ['app.yaml:5:23: stage "a" has both run and checkout (a stage has one kind: split it into two stages)'],
    ],
    [
      'no kind and other errors',
      '  - {name: a, timeuot: 1s, retry: {max: x}}',
      [
        'app.yaml:5:5: stage "a" has no kind (add one of checkout, run, wait)',
        expect.stringMatching(/^app.yaml:5:15: unknown key "timeuot" \(did you mean "timeout"\?/),
        'app.yaml:5:41: expected a number, found "x"',
      ],
    ],
    [
      'two kinds and other errors',
      '  - {name: a, run: b, checkout: {}, timeuot: 1s, retry: {max: x}}',
      [
        'app.yaml:5:23: stage "a" has both run and checkout (a stage has one kind: split it into two stages)',
        expect.stringMatching(/^app.yaml:5:37: unknown key "timeuot" \(did you mean "timeout"\?/),
        'app.yaml:5:63: expected a number, found "x"',
      ],
    ],
    [
      'a cycle beside other errors',
      '  - {name: a, run: b, needs: [b], timeout: x}\n  - {name: b, run: c, needs: [a, nosuch]}',
      [
        expect.stringMatching(/^app.yaml:5:30: stages wait for each other: a → b → a/),
        expect.stringMatching(/^app.yaml:5:44: "x"/),
        expect.stringMatching(/^app.yaml:6:34: there is no stage "nosuch"/),
      ],
    ],
    [
      'the same name twice',
      '  - {name: a, run: b}\n  - {name: a, run: b}',
      ['app.yaml:6:12: duplicate stage "a" (stage names must be unique in the file)'],
    ],
    [
      'a key of another kind',
      '  - {name: a, checkout: {}, label: x}',
      [
        'app.yaml:5:29: unknown key "label" (allowed: name, needs, when, matrix, retry, timeout, allowFailure, env, container, checkout)',
      ],
    ],
    [
      'an agent of its own',
      '  - {name: a, run: b, agent: {}}',
      ['app.yaml:5:23: "agent" is not supported yet (name a container of the run’s agent by `container`)'],
    ],
    [
      'nothing where an object belongs',
      '  - {name: a, checkout: }',
      ['app.yaml:5:25: expected an object, found nothing (write {} for an empty one)'],
    ],
    [
      'a cycle',
      '  - {name: a, run: b, needs: [c]}\n  - {name: b, run: b, needs: [a]}\n  - {name: c, run: b, needs: [b]}',
      [
        'app.yaml:5:30: stages wait for each other: a → c → b → a (a stage without needs waits for all stages before it in the file)',
      ],
    ],
    [
      'a cycle through what is written before',
      '  - {name: a, run: b, needs: [c]}\n  - {name: b, run: b}\n  - {name: c, run: b}',
      [
        'app.yaml:5:30: stages wait for each other: a → c → b → a (a stage without needs waits for all stages before it in the file)',
      ],
    ],
    [
      'itself in needs',
      '  - {name: a, run: b, needs: [a]}',
      [
        'app.yaml:5:30: stages wait for each other: a → a (a stage without needs waits for all stages before it in the file)',
      ],
    ],
    [
      'an unknown container',
      '  - {name: a, run: b, container: node}',
      ['app.yaml:5:34: agent.containers has no "node" (there are none)'],
    ],
    [
      'an unknown secret',
      '  - {name: a, checkout: {credentials: git}}',
      ['app.yaml:5:39: secrets has no "git" (there are none)'],
    ],
    [
      'a matrix without values',
      '  - {name: a, run: b, matrix: {v: []}}',
      ['app.yaml:5:35: a list is too small: at least 1 entries'],
    ],
  ])('refuses %s', (_what, stages, expected) => {
    expect(inStages(stages)).toEqual(expected);
  });

  it('lets a finally stage need finally stages alone', () => {
    const text = pipelineOf('stages: [{name: a, run: b}]\nfinally: [{name: c, run: b, needs: [a]}]');

    expect(errorsOf(text)).toEqual([
      'app.yaml:5:37: "a" cannot be needed here (stages of `finally` run after all others anyway)',
    ]);
  });
});

describe('expressions', () => {
  it.each([
    [
      'in a script',
      'run: "echo ${{ git.sha }}"',
      'expressions are not allowed in scripts (pass it through the environment: env: {VALUE: "${{ … }}"}, and use "$VALUE" in the script)',
    ],
    [
      'around a condition',
      'run: b, when: "${{ true }}"',
      '`when` is already an expression (write it without ${{ }})',
    ],
    [
      'that does not parse',
      'run: b, when: "git.branch =="',
      'Unexpected token: EOF, in the expression git.branch ==',
    ],
    [
      'that is not closed',
      'run: b, label: "${{ git.sha"',
      '"${{" is not closed (end the expression with }})',
    ],
    [
      'of unknown root',
      'run: b, label: "${{ gti.sha }}"',
      'unknown name in an expression: "gti" (did you mean "git"? allowed: params, env, git, trigger, run, stages, matrix)',
    ],
    [
      'of an unknown parameter',
      'run: b, label: "${{ params.x }}"',
      'there is no parameter "x" (did you mean "p"? allowed: p)',
    ],
    [
      'of an unknown matrix value',
      'run: b, matrix: {v: [1]}, label: "${{ matrix.w }}"',
      'there is no matrix value "w" (did you mean "v"? allowed: v)',
    ],
    [
      'of an unknown stage',
      'run: b, label: "${{ stages.ay.outputs.v }}"',
      'there is no stage "ay" (did you mean "a"? allowed: first, a, later)',
    ],
    [
      'of a later stage',
      'run: b, label: "${{ stages.later.outputs.v }}"',
      'stage "later" may not have finished by then (add "later" to needs)',
    ],
    [
      'of a secret',
      'run: b, label: "${{ env.TOKEN }}"',
      '"TOKEN" is a secret: expressions cannot read secrets (scripts can read it from their environment)',
    ],
    [
      'of an unknown function',
      'run: b, label: "${{ shell(\'ls\') }}"',
      "found no matching overload for 'shell(string)', in the expression shell('ls')",
    ],
    ['in needs', 'run: b, needs: ["${{ params.p }}"]', 'expressions are not allowed here'],
  ])('are refused %s', (_what, stage, expected) => {
    const text = pipelineOf(`
parameters: {p: {type: string}}
secrets: {t: {env: T}}
env: {TOKEN: {secret: t}}
stages:
  - {name: first, run: b}
  - {name: a, ${stage}}
  - {name: later, run: b}
`);

    expect(errorsOf(text).map((line) => line.replace(/^app.yaml:10:\d+: /, ''))).toContain(expected);
  });

  it.each([
    ['plain text', '    run: echo ${{ git.sha }}\n', 'app.yaml:6:15'],
    ['a block', '    run: |\n      true\n      echo ${{ git.sha }}\n', 'app.yaml:8:12'],
    ['quotes', '    run: b\n    label: "x ${{ gti.sha }}"\n', 'app.yaml:7:19'],
    ['a condition', '    run: b\n    when: git.sha == gti.sha\n', 'app.yaml:7:22'],
  ])('are found at their line and column in %s', (_what, stage, place) => {
    const [error] = errorsOf(pipelineOf(`stages:\n  - name: a\n${stage}`));

    expect(error?.slice(0, place.length)).toBe(place);
  });

  it('are accepted where the value is known in time', () => {
    const text = pipelineOf(`
parameters: {p: {type: string}}
agent: {containers: {node: {image: "node:\${{ params.p }}"}}}
env: {SHA: "\${{ git.sha }}"}
stages:
  - {name: a, checkout: {depth: "\${{ params.p }}", ref: "\${{ trigger.ref }}"}}
  - {name: b, run: make, matrix: {v: [1, 2]}, container: "\${{ params.p }}", env: {K: "\${{ hashFiles('a', 'b') }}-\${{ [1].map(x, x + 1)[0] }}"}}
  - {name: c, run: make, label: "\${{ stages['b.1'].outputs.x }}", port: "\${{ stages.b.outputs.port }}"}
finally:
  - {name: d, run: make, when: run.status != "succeeded" && stages.c.outcome == "failed"}
`);

    expect(errorsOf(text)).toEqual([]);
  });

  it('of the agent may use only what is known before the run', () => {
    const errors = errorsOf(
      pipelineOf('agent: {containers: {node: {image: "node:${{ git.sha }}"}}}\nstages: [{name: a, run: b}]'),
    );

    expect(errors).toEqual(['app.yaml:4:46: "git" is not available here (allowed: params, trigger)']);
  });
});

describe('parameters', () => {
  it.each([
    [
      '{type: choise}',
      'expected one of string, choice, boolean, number, found "choise" (did you mean "choice"? allowed: string, choice, boolean, number)',
    ],
    ['{type: choice, options: [a], default: b}', '"b" is not one of the options (allowed: a)'],
    ['{type: string, pattern: "[0-9]+", default: x}', '"x" does not match the pattern [0-9]+'],
    ['{type: string, pattern: "["}', 'not a regular expression: missing closing ]: ['],
    [
      '{type: string, pattern: "v(?=[0-9])"}',
      'a pattern cannot have a look-ahead (?=…) (patterns are written in the syntax of RE2)',
    ],
    [
      '{type: string, pattern: "(a+)+$", default: "%"}'.replace('%', `${'a'.repeat(60)}!`),
      `"${'a'.repeat(60)}!" does not match the pattern (a+)+$`,
    ],
    [
      '{type: string, pattern: "(a{1,1000}){6}"}',
      'a pattern has at most 1000 characters, and 5000 with its repetitions written out',
    ],
    ['{type: string, default: 1.10}', 'expected a string, found 1.1 (put it in quotes)'],
    ['{}', '"type" is missing'],
  ])('refuses %s', (parameter, expected) => {
    const errors = errorsOf(pipelineOf(`parameters: {p: ${parameter}}\nstages: [{name: a, run: b}]`));

    expect(errors.map((line) => line.replace(/^app.yaml:\d+:\d+: /, ''))).toEqual([expected]);
  });
});

describe('a regular expression', () => {
  it('is pointed into where it has what RE2 has not', () => {
    const text = `parameters:
  version:
    type: string
    pattern: v(?<!x)1
stages:
  - {name: a, when: 'trigger.ref.matches("^v(.)\\\\1")', run: b}
`;

    expect(errorsOf(pipelineOf(text))).toEqual([
      'app.yaml:7:15: a pattern cannot have a look-behind (?<!…) (patterns are written in the syntax of RE2)',
      'app.yaml:9:48: a pattern cannot have the back-reference \\1 (patterns are written in the syntax of RE2)',
    ]);
  });
});
