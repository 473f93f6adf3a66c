import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { planFile, readPlan } from '../../../../src/app/plan-file.ts';
import { validateFile } from '../../../../src/app/validate.ts';
import { PipelineFileError, type Diagnostic } from '../../../../src/spec/diagnostic.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pauses-'));
  file = join(directory, 'app.yaml');
});
afterEach(() => rm(directory, { recursive: true }));

interface Change {
  stage?: Record<string, unknown>;
  document?: Record<string, unknown>;
}

/** Writes a pipeline that deploys by a strategy. */
async function write(strategy: object, { stage, document }: Change = {}): Promise<void> {
  const pipeline = {
    ...{ apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'web' },
    agent: { containers: { main: { image: 'node:24' } } },
    stages: [
      { name: 'build', run: 'make' },
      { name: 'deploy', deploy: { manifests: 'k8s/*.yaml', strategy }, ...stage },
    ],
    ...document,
  };
  await writeFile(file, stringify(pipeline));
}

async function errorsOf(reading: Promise<unknown>): Promise<readonly Diagnostic[]> {
  try {
    await reading;
    return [];
  } catch (error) {
    if (!(error instanceof PipelineFileError)) throw error;
    return error.diagnostics;
  }
}

async function validate(strategy: object, change?: Change): Promise<readonly Diagnostic[]> {
  await write(strategy, change);
  return errorsOf(validateFile(file, []));
}

/** What `plan` and `run` begin with. */
async function plan(strategy: object, change?: Change, parameters = {}, trigger = {}) {
  await write(strategy, change);
  return errorsOf(readPlan(file, { parameters, trigger }));
}

const canary = (...pauses: (string | true)[]) => ({
  canary: { steps: pauses.flatMap((pause, index) => [{ weight: 10 * (index + 1) }, { pause }]) },
});

describe('pauses that are longer than the run may last', () => {
  it('are an error at the strategy that says what to raise, before a cluster is looked for', async () => {
    const strategy = canary('30m', true, '30m');

    const [error, ...more] = await validate(strategy);

    expect(more).toEqual([]);
    expect(error).toMatchObject({
      ...{ code: 'timeout', severity: 'error', file },
      path: ['stages', 1, 'deploy', 'strategy', 'canary'],
      message:
        'the pauses of canary take 1h00m together, and the run is ended after 1h00m: the release could not be completed',
      hint: expect.stringMatching(/^raise `timeout` of the pipeline/),
    });
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines[(error?.line ?? 0) - 1]).toContain('canary:');
    expect(await plan(strategy)).toEqual([error]);
  });

  it('are those that the timeout of the pipeline leaves no time for', async () => {
    const timeout = (text: string) => ({ document: { timeout: text } });

    expect(await validate(canary('30m', '29m'))).toEqual([]);
    expect(await validate(canary('30m', '30m'), timeout('61m'))).toEqual([]);
    expect(await validate(canary('5m'), timeout('5m'))).toHaveLength(1);
    // Without steps there is one of a minute.
    expect(await validate({ canary: {} }, timeout('1m'))).toHaveLength(1);
  });

  it('are held against the timeout of the stage, too', async () => {
    const errors = await validate(canary('20m', '2h'), { stage: { timeout: '30m' } });

    expect(errors.map(({ message, hint }) => `${message} (${hint ?? ''})`)).toEqual([
      expect.stringMatching(/^the pauses of canary take 2h20m .* the run is ended after 1h00m.*the pipeline/),
      expect.stringMatching(/^the pauses of canary take 2h20m .* the stage is ended after 30m00s.*the stage/),
    ]);
  });

  it('count those of blueGreen together', async () => {
    const strategy = (autoPromote: unknown, scaleDownDelay: string) => ({
      blueGreen: { autoPromote, scaleDownDelay },
    });

    expect(await validate(strategy({ after: '30m' }, '30m'))).toHaveLength(1);
    expect(await validate(strategy({ after: '30m' }, '29m'))).toEqual([]);
    expect(await validate(strategy(true, '1h'))).toHaveLength(1);
  });

  it('count the least that analyses take, those of one moment once', async () => {
    const analyses = {
      short: { http: { url: 'http://web/' }, interval: '1m' },
      long: {
        prometheus: { address: 'http://prometheus:9090', query: 'x{h="${{ candidate.hash }}"}' },
        ...{ success: 'result[0] < 1', initialDelay: '4m', interval: '13m', count: 5 },
      },
    };
    const stage = (strategy: object) => ({
      stage: { deploy: { manifests: 'k8s/*.yaml', strategy, analyses } },
    });
    const steps = (pause: string) => [{ weight: 50 }, { analysis: ['short', 'long'] }, { pause }];
    const green = (scaleDownDelay: string) => ({
      blueGreen: { prePromotion: 'short', postPromotion: 'long', scaleDownDelay },
    });

    const [error] = await validate({}, stage({ canary: { steps: steps('4m') } }));
    expect(error?.message).toMatch(/^the pauses and analyses of canary take 1h00m together/);
    expect(await validate({}, stage({ canary: { steps: steps('3m') } }))).toEqual([]);
    expect(await validate({}, stage(green('1m')))).toEqual([]);
    expect(await validate({}, stage(green('58m')))).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['pause: true', canary(true)],
    ['autoPromote: false', { blueGreen: { autoPromote: false } }],
    ['a strategy without pauses', { rolling: {} }],
  ])('are not those without an end: %s', async (_, strategy) => {
    expect(await validate(strategy, { document: { timeout: '1m' } })).toEqual([]);
  });

  it('are not looked for in a stage that is left out, nor does the run end those after it', async () => {
    const deploy = { manifests: 'k8s/*.yaml', strategy: canary('2h') };
    const last = (more = {}) => ({ document: { finally: [{ name: 'last', deploy, ...more }] } });

    expect(await validate(canary('2h'), { stage: { when: '1 == 2' } })).toEqual([]);
    expect(await validate({ rolling: {} }, last())).toEqual([]);
    expect(await validate({ rolling: {} }, last({ timeout: '1h' }))).toMatchObject([
      { path: ['finally', 0, 'deploy', 'strategy', 'canary'] },
    ]);
  });

  it('are told with what else is wrong', async () => {
    await writeFile(
      join(directory, 'job.yaml'),
      'apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n',
    );
    const deploy = { manifests: 'job.yaml', namespace: 'shop', strategy: canary('2h') };

    const errors = await validate({}, { stage: { deploy } });

    expect(errors.map(({ code, severity }) => `${code} ${severity}`)).toEqual([
      ...['timeout error', 'strategy warning', 'strategy error'],
    ]);
  });
});

describe('pauses that expressions give', () => {
  const strategy = canary('${{ params.soak }}');
  const soak = (parameter: object) => ({ document: { parameters: { soak: parameter } } });

  it('are those of the parameters that plan and run are given', async () => {
    const change = soak({ type: 'string', default: '5m' });

    expect(await validate(strategy, change)).toEqual([]);
    expect(await plan(strategy, change)).toEqual([]);
    expect(await plan(strategy, change, { soak: '2h' })).toHaveLength(1);
  });

  it('are not known to validate without a default', async () => {
    const change = soak({ type: 'string' });

    expect(await validate(strategy, change)).toEqual([]);
    expect(await plan(strategy, change, { soak: '2h' })).toHaveLength(1);
  });

  it.each([
    ['the trigger', "trigger.branch == '' ? '2h' : '1m'"],
    ['another stage', "stages.build.outcome == '' ? '2h' : '1m'"],
    ['a matrix', "has(matrix.fast) ? '1m' : '2h'"],
  ])('are not guessed where they depend on %s', async (_, expression) => {
    const change = { stage: { matrix: { fast: [true] } } };

    expect(await validate(canary(`\${{ ${expression} }}`), change)).toEqual([]);
    expect(await plan(canary(`\${{ ${expression} }}`), change, {}, { branch: 'main' })).toEqual([]);
  });

  it('are told once of the cells of a matrix', async () => {
    const change = { stage: { matrix: { soak: ['2h', '3h', '5m'] } } };

    expect(await plan(canary('${{ matrix.soak }}'), change)).toMatchObject([
      { message: expect.stringContaining('2h00m') },
      { message: expect.stringContaining('3h00m') },
    ]);
    expect(await plan(canary('2h'), change)).toHaveLength(1);
  });

  it('that are no durations are told by others', async () => {
    expect(await plan(strategy, soak({ type: 'string' }), { soak: 'long' })).toEqual([]);
  });
});

it('a run that has begun is not refused for its pauses', async () => {
  await write(canary('2h'));
  const text = await readFile(file, 'utf8');

  expect(planFile({ file, text, directory }, { parameters: {}, trigger: {} }).plan.nodes).toHaveLength(2);
});
