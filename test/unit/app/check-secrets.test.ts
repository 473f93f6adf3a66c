import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { bindPlan } from '../../../src/app/bind-plan.ts';
import { checkSecrets } from '../../../src/app/check-secrets.ts';
import { planFile } from '../../../src/app/plan-file.ts';
import { SecretError } from '../../../src/app/secret-reader.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';

const file = {
  apiVersion: 'slipway.dev/v1',
  kind: 'Pipeline',
  name: 'shop',
  parameters: { target: { type: 'string', default: 'staging' } },
  secrets: Object.fromEntries(
    ['all', 'main', 'db', 'git', 'harbor', 'header', 'npm', 'late', 'out', 'unused'].map((name) => [
      name,
      { env: name },
    ]),
  ),
  env: { ALL: { secret: 'all' } },
  agent: {
    containers: { main: { image: 'a', env: { X: { secret: 'main', key: 'x' } } } },
    services: { db: { image: 'b', env: { PASSWORD: { secret: 'db' } } } },
  },
  stages: [
    { name: 'source', checkout: { url: 'https://git.example.com/x', credentials: 'git' } },
    { name: 'build', matrix: { n: [1, 2, 3] }, env: { NPM: { secret: 'npm', key: 'token' } }, run: 'true' },
    { name: 'image', image: { repository: 'a/b', tags: ['x'], credentials: 'harbor' } },
    { name: 'prod', when: 'params.target == "production"', env: { A: { secret: 'out' } }, run: 'true' },
    { name: 'cell', matrix: { n: [1] }, when: 'matrix.n > 1', env: { A: { secret: 'out' } }, run: 'true' },
    { name: 'open', when: 'git.branch == "main"', env: { A: { secret: 'late' } }, run: 'true' },
    { name: 'smoke', verify: { http: { url: 'http://a', headers: { H: { secret: 'header' } } } } },
  ],
};

async function check(has: Record<string, string[] | Error>, stages: object[] = file.stages) {
  const text = stringify({ ...file, stages });
  const planned = planFile({ file: 'app.yaml', text, directory: '/w' }, { parameters: {}, trigger: {} });
  const plan = bindPlan(planned, { name: 'sandbox', namespace: 'ci' });
  const asked: string[] = [];
  const secrets = {
    read: async (name: string) => {
      asked.push(name);
      const keys = has[name] ?? new SecretError(`secret ${name} is not there`, { hint: 'make it' });
      if (keys instanceof Error) throw keys;
      return new Map(keys.map((key) => [key, Buffer.from(`value of ${key}`)]));
    },
  };
  const signal = new AbortController().signal;
  const error = await checkSecrets({ planned, plan }, secrets, { signal }).then(
    () => undefined,
    (caught: unknown) => caught as Error,
  );
  return { asked: asked.sort(), error, lines: error?.message.split('\n'), text: text.split('\n') };
}

const all = { ...Object.fromEntries(Object.keys(file.secrets).map((name) => [name, ['value']])) };

describe('the secrets of a plan', () => {
  it('are all looked for, each once, but for those that nothing will take', async () => {
    const { asked, error } = await check({ ...all, main: ['x'], npm: ['token', 'other'] });

    expect(error).toBeUndefined();
    expect(asked).toEqual(['all', 'db', 'git', 'harbor', 'header', 'late', 'main', 'npm']);
  });

  it('are told of at once where they are missing, with the place in the file and what to do', async () => {
    const { error, lines, text } = await check({
      all: ['value'],
      db: ['a', 'b'],
      main: ['y'],
      npm: ['tokn'],
    });

    expect(error).toMatchObject({ code: 'pipeline-file', fault: 'input' });
    const at = (line: string) => String(text.findIndex((each) => each.trim() === line) + 1);
    expect(lines).toEqual([
      ...['git', 'harbor', 'header', 'late'].map(
        (name) => `app.yaml:${at(`${name}:`)}:3: secret ${name} is not there (make it)`,
      ),
      expect.stringMatching(/^app.yaml:\d+:\d+: the secret "main" has no key "x" \(it has: y\)$/),
      expect.stringMatching(/^app.yaml:\d+:\d+: the secret "db" has no key "value" \(it has: a, b\)$/),
      expect.stringMatching(/^app.yaml:\d+:\d+: the secret "npm" has no key "token" \(it has: tokn\)$/),
    ]);
  });

  it('are no fault of the file when the cluster does not answer', async () => {
    const lost = new UnreachableError('no answer');

    expect((await check({ ...all, git: lost, npm: [] })).error).toBe(lost);
  });

  it('are not looked for by a name that an expression gives', async () => {
    const image = { repository: 'a/b', tags: ['x'], credentials: '${{ params.target }}' };

    expect((await check({ ...all, main: ['x'] }, [{ name: 'image', image }])).error).toBeUndefined();
  });
});
