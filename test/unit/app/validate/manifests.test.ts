import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { validateFile } from '../../../../src/app/validate.ts';
import { PipelineFileError, type Diagnostic } from '../../../../src/spec/diagnostic.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'validate-'));
});
afterEach(() => rm(directory, { recursive: true }));

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 30
      containers:
        - name: web
          image: shop/web:1
          readinessProbe: {httpGet: {path: /, port: 8080}}
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
`;
const serviceOf = (name: string, more = '') =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}${more}}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n`;
const steps = (...list: object[]) => ({ canary: { steps: list } });

interface Change {
  deploy?: Record<string, unknown>;
  stage?: Record<string, unknown>;
  document?: Record<string, unknown>;
}

/** Writes a pipeline that deploys `k8s/*.yaml`, with manifests by their names, and validates it. */
async function validate(manifests: Record<string, string>, { deploy, stage, document }: Change = {}) {
  await mkdir(join(directory, 'k8s'));
  for (const [name, text] of Object.entries(manifests)) await writeFile(join(directory, 'k8s', name), text);
  const file = join(directory, 'app.yaml');
  const pipeline = {
    ...{ apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'web' },
    agent: { containers: { main: { image: 'node:24' } } },
    stages: [
      { name: 'render', run: 'make' },
      { name: 'deploy', deploy: { manifests: 'k8s/*.yaml', namespace: 'shop', ...deploy }, ...stage },
    ],
    ...document,
  };
  await writeFile(file, stringify(pipeline));
  return validateFile(file, []).then(
    ({ warnings }) => ({ errors: [] as Diagnostic[], warnings }),
    (error: unknown) => {
      if (!(error instanceof PipelineFileError)) throw error;
      const is = (severity: string) => error.diagnostics.filter((each) => each.severity === severity);
      return { errors: is('error'), warnings: is('warning') };
    },
  );
}

const quarter = steps({ weight: 25 }, { weight: 50 });
const tenth = steps({ weight: 10 });

describe('what pipeline validate says of manifests that the strategy cannot release', () => {
  it('names file, line and column in the manifest, as an error', async () => {
    const { errors } = await validate({ 'web.yaml': deployment }, { deploy: { strategy: tenth } });

    expect(errors).toEqual([
      {
        ...{ code: 'strategy', severity: 'error', path: ['spec', 'replicas'] },
        ...{ file: 'k8s/web.yaml', line: 5, column: 13 },
        message: 'canary cannot give 10 % of the pods of Deployment shop/web to the new version: it has 4',
        hint: expect.stringContaining('a weight may be'),
      },
    ]);
  });

  it('tells all of them, those of each file together', async () => {
    const recreate = deployment.replace('spec:', 'spec:\n  paused: true\n  strategy: {type: Recreate}');
    const job =
      'apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n';

    const { errors } = await validate(
      { 'web.yaml': recreate, 'job.yaml': `---\n${job}---\n${job.replace('name: a', 'name: b')}` },
      { deploy: { strategy: steps({ weight: 25 }) } },
    );

    expect(errors.map(({ file, line, column }) => [file, line, column])).toEqual([
      ['k8s/job.yaml', 3, 7],
      ['k8s/job.yaml', 8, 7],
      ['k8s/web.yaml', 5, 11],
      ['k8s/web.yaml', 6, 20],
    ]);
  });

  it('is content with what the strategy can release, and with rolling', async () => {
    const manifests = { 'web.yaml': `${deployment}---\n${serviceOf('web')}` };

    expect(await validate(manifests, { deploy: { strategy: quarter } })).toEqual({
      errors: [],
      warnings: [],
    });
    await rm(join(directory, 'k8s'), { recursive: true });
    expect(await validate(manifests, { deploy: { strategy: { blueGreen: {} } } })).toEqual({
      ...{ errors: [], warnings: [] },
    });
    await rm(join(directory, 'k8s'), { recursive: true });
    const one = { 'web.yaml': deployment.replace('replicas: 4', 'replicas: 1') };
    expect(await validate(one)).toEqual({ errors: [], warnings: [] });
  });

  it('warns at the strategy of what the manifests do not have: a stage may make it', async () => {
    const { errors, warnings } = await validate(
      { 'web.yaml': deployment },
      { deploy: { strategy: { blueGreen: {} } } },
    );

    expect(errors).toEqual([]);
    expect(warnings).toMatchObject([
      {
        ...{ code: 'strategy', file: join(directory, 'app.yaml') },
        path: ['stages', 1, 'deploy', 'strategy', 'blueGreen'],
        message: expect.stringContaining('no Service of the manifests selects the pods'),
      },
    ]);
    expect(warnings[0]?.line).toBeGreaterThan(10);
  });

  it('says once what two stages would say', async () => {
    const deploy = { manifests: 'k8s', namespace: 'shop', strategy: tenth };
    const stages = ['one', 'two'].map((name) => ({ name, deploy: { ...deploy, application: name } }));

    expect((await validate({ 'web.yaml': deployment }, { document: { stages } })).errors).toHaveLength(1);
  });

  it('takes the defaults of parameters', async () => {
    const parameters = { share: { type: 'number', default: 10 } };
    const strategy = steps({ weight: '${{ params.share }}' });

    const { errors } = await validate(
      { 'web.yaml': deployment },
      { deploy: { strategy }, document: { parameters } },
    );

    expect(errors).toMatchObject([{ message: expect.stringContaining('10 %') }]);
  });

  it.each<[string, Change]>([
    ['the manifests are not there', { deploy: { manifests: 'other/*.yaml' } }],
    ['some of them are not there', { deploy: { manifests: ['k8s/*.yaml', 'made/web.yaml'] } }],
    ['the stage is left out', { stage: { when: '1 == 2' } }],
    [
      'a parameter without default decides',
      {
        deploy: { strategy: steps({ weight: '${{ has(params.fast) ? 50 : 10 }}' }) },
        document: { parameters: { fast: { type: 'string' } } },
      },
    ],
    [
      'the trigger decides',
      { deploy: { strategy: steps({ weight: "${{ trigger.branch == 'main' ? 50 : 10 }}" }) } },
    ],
    [
      'another stage decides',
      { deploy: { strategy: steps({ weight: "${{ stages.render.outcome == 'succeeded' ? 50 : 10 }}" }) } },
    ],
    ['the commit decides', { deploy: { manifests: "k8s/${{ git.tag == '' ? 'web' : 'tag' }}.yaml" } }],
    [
      'a matrix decides',
      {
        deploy: { strategy: steps({ weight: '${{ has(matrix.share) ? 50 : 10 }}' }) },
        stage: { matrix: { share: [25, 50] } },
      },
    ],
  ])('says nothing when %s', async (_, change) => {
    const deploy = { strategy: tenth, ...change.deploy };

    expect(await validate({ 'web.yaml': deployment }, { ...change, deploy })).toEqual({
      ...{ errors: [], warnings: [] },
    });
  });

  it.each([
    ['no YAML', 'a: [1\nb: 2'],
    [
      'no manifests, but what they are made from',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name }}\n',
    ],
  ])('says nothing of %s', async (_, text) => {
    expect(await validate({ 'web.yaml': text }, { deploy: { strategy: tenth } })).toEqual({
      ...{ errors: [], warnings: [] },
    });
  });

  it('says nothing of a number that a stage will fill in', async () => {
    const template = deployment.replace('replicas: 4', 'replicas: ${REPLICAS}');

    expect(await validate({ 'web.yaml': template }, { deploy: { strategy: tenth } })).toEqual({
      ...{ errors: [], warnings: [] },
    });
  });

  it('names the second of several Services, where one is to be named', async () => {
    const { errors } = await validate(
      { 'web.yaml': `${deployment}---\n${serviceOf('web')}---\n${serviceOf('metrics')}` },
      { deploy: { strategy: { blueGreen: {} } } },
    );

    expect(errors).toMatchObject([
      {
        file: 'k8s/web.yaml',
        path: ['spec', 'selector'],
        message: expect.stringContaining('several Services'),
      },
    ]);
  });
});

describe('what pipeline validate says of manifests that can lose requests', () => {
  const risky = deployment.replace(/ +lifecycle.*\n/, '');
  const one = deployment.replace('replicas: 4', 'replicas: 1');
  const rollout = { rolling: { maxUnavailable: 1 } };

  it('warns at file, line and column in the manifest, once for all stages', async () => {
    const deploy = { manifests: 'k8s', namespace: 'shop' };
    const stages = ['one', 'two'].map((name) => ({ name, deploy: { ...deploy, application: name } }));

    expect(
      await validate({ 'web.yaml': `${serviceOf('web')}---\n${risky}` }, { document: { stages } }),
    ).toEqual({
      errors: [],
      warnings: [
        {
          ...{ code: 'lost-requests', severity: 'warning', file: 'k8s/web.yaml', line: 17, column: 11 },
          path: ['spec', 'template', 'spec', 'containers', 0],
          message: expect.stringMatching(/^Deployment web: container web has no preStop hook, .*: add /),
        },
      ],
    });
  });

  it('says nothing of pods that no Service of the manifests selects', async () => {
    expect(await validate({ 'web.yaml': risky })).toEqual({ errors: [], warnings: [] });
  });

  it.each<[string, object, number]>([
    ['the settings of rolling', rollout, 1],
    ['rolling as it is by default', { rolling: {} }, 0],
    ['a strategy that holds the old pods', { blueGreen: {} }, 0],
  ])('looks at the rollout that the strategy makes: %s', async (_, strategy, count) => {
    const manifest = Object.keys(strategy).includes('blueGreen')
      ? one.replace('spec:', 'spec:\n  strategy: {rollingUpdate: {maxUnavailable: 1}}')
      : one;

    const { errors, warnings } = await validate(
      { 'web.yaml': `${manifest}---\n${serviceOf('web')}` },
      { deploy: { strategy } },
    );

    expect(errors).toEqual([]);
    expect(warnings).toHaveLength(count);
  });

  it('does not warn of what it refuses', async () => {
    const recreate = deployment.replace('spec:', 'spec:\n  strategy: {type: Recreate}');

    const { errors, warnings } = await validate(
      { 'web.yaml': `${recreate}---\n${serviceOf('web')}` },
      { deploy: { strategy: quarter } },
    );

    expect(errors).toMatchObject([{ code: 'strategy', path: ['spec', 'strategy', 'type'] }]);
    expect(warnings).toEqual([]);
  });
});

describe('where the namespace of a release is known only in a run', () => {
  const named = serviceOf('web', ', namespace: shop');
  const unknown = '${{ stages.render.outputs.namespace }}';
  const blueGreen = { strategy: { blueGreen: { activeService: 'web' } } };

  it.each([
    ['no namespace', { namespace: undefined }],
    ['one of a stage', { namespace: unknown }],
  ])('says nothing of objects with and without a namespace: %s', async (_, deploy) => {
    const { errors, warnings } = await validate(
      { 'web.yaml': `${deployment}---\n${named}` },
      { deploy: { ...blueGreen, ...deploy } },
    );

    expect([errors, warnings]).toEqual([[], []]);
  });

  it('still tells what no namespace changes', async () => {
    const { errors } = await validate(
      { 'web.yaml': deployment },
      { deploy: { strategy: tenth, namespace: unknown } },
    );

    expect(errors).toMatchObject([{ message: expect.stringContaining('of Deployment web ') }]);
  });
});

describe('what pipeline validate says of the file of a migration', () => {
  const migrate = { migrate: { job: 'k8s/migrate.yaml' } };
  const job = `apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'a:1'}]}}}
`;

  it('is nothing where it can be run, by a strategy that takes no Jobs among its manifests, too', async () => {
    const files = { 'web.yaml': deployment, 'migrate.yaml': job };

    expect(await validate(files, { deploy: { ...migrate, strategy: quarter } })).toEqual({
      ...{ errors: [], warnings: [] },
    });
  });

  it('names file, line and column of what cannot be run, as an error', async () => {
    const files = { 'web.yaml': deployment, 'migrate.yaml': job.replace('Never', 'Always') };

    expect((await validate(files, { deploy: migrate })).errors).toEqual([
      {
        ...{ code: 'migration', severity: 'error', path: ['spec', 'template', 'spec', 'restartPolicy'] },
        ...{ file: 'k8s/migrate.yaml', line: 4, column: 41 },
        message: 'Job migrate has no restartPolicy that ends: it must be Never or OnFailure',
        hint: expect.stringContaining('restartPolicy: Never'),
      },
    ]);
  });

  it('names the setting where the file holds nothing', async () => {
    const { errors } = await validate({ 'web.yaml': deployment, 'migrate.yaml': '' }, { deploy: migrate });

    expect(errors).toMatchObject([
      {
        ...{ code: 'migration', file: join(directory, 'app.yaml') },
        ...{ path: ['stages', 1, 'deploy', 'migrate', 'job'] },
        message: 'the file of the migration holds no Job',
      },
    ]);
  });

  it('is nothing where it is not there: a stage may make it', async () => {
    expect(await validate({ 'web.yaml': deployment }, { deploy: migrate })).toEqual({
      ...{ errors: [], warnings: [] },
    });
  });
});
