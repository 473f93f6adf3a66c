import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Environment } from '../../../../src/ports/secrets.ts';
import type { SourceRepository } from '../../../../src/ports/source-repository.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import * as z from '../../../../src/base/zod.ts';
import { checkoutStage } from '../../../../src/stages/checkout/checkout-stage.ts';
import { checkoutFields } from '../../../../src/stages/checkout/schema.ts';
import { folderAgent } from '../../../fakes/folder-agent.ts';

const { signal } = new AbortController();
const secrets: Record<string, Record<string, string>> = {
  login: { username: 'ci', password: 'hunter22' },
  one: { value: 'ci:hunter22' },
  token: { value: 'ghp_hunter22' },
  key: { 'ssh-privatekey': 'KEY', known_hosts: 'HOSTS' },
};
/** What was asked of the repository. */
const packedWith: object[] = [];
let directory: string;
let workspace: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(path.join(tmpdir(), 'slipway-local-')));
  workspace = await mkdtemp(path.join(tmpdir(), 'slipway-workspace-'));
});
afterEach(() => Promise.all([directory, workspace].map((folder) => rm(folder, { recursive: true }))));

/** The repository of the folder, cloned from `origin`. */
function repositoryFrom(origin: string): SourceRepository {
  const commit = { sha: 'a'.repeat(40), branch: 'main', tag: '', author: 'Ada', message: 'First' };
  return {
    workingCopy: () => Promise.resolve({ ...commit, directory, origin, uncommitted: 0 }),
    pack: (request) => {
      packedWith.push(request);
      return Promise.resolve({ commit, open: () => Readable.from([]), dispose: () => Promise.resolve() });
    },
    changedFiles: () => Promise.resolve([]),
  };
}

/** The environment that the checkout's script is given, and how the stage ends. */
async function checkOut(origin: string, input: Record<string, unknown>, ending: object = {}) {
  let env: Environment = {};
  const agent = {
    ...folderAgent(workspace),
    upload: () => Promise.resolve(),
    runStep: (step: { env: Environment }) => {
      env = step.env;
      return Promise.resolve({
        type: 'exited' as const,
        exitCode: 0,
        outputs: {},
        environment: {},
        ...ending,
      });
    },
  };
  const context = {
    stage: { name: 'source', attempt: 1 },
    agent: () => Promise.resolve(agent),
    ...{ container: 'main', env: {}, offsets: {}, saveOffset: () => undefined, signal },
    emit: () => Promise.resolve(),
    secrets: {
      read: (name: string) =>
        Promise.resolve(
          new Map(Object.entries(secrets[name] ?? {}).map(([key, value]) => [key, Buffer.from(value)])),
        ),
    },
  } as unknown as StageContext;
  const parsed = z.strictObject(checkoutFields).parse({ checkout: input });
  const result = await checkoutStage({ repository: repositoryFrom(origin), directory }).run(parsed, context);
  return { env, result };
}

const environmentOf = async (origin: string, input: Record<string, unknown>): Promise<Environment> =>
  (await checkOut(origin, input)).env;

describe('a local checkout', () => {
  const https = 'https://git.example.com/shop.git';

  it.each([
    ['https', https, 'login', ['CHECKOUT_PASSWORD', 'CHECKOUT_USERNAME']],
    ['ssh', 'git@git.example.com:shop.git', 'key', ['CHECKOUT_KNOWN_HOSTS', 'CHECKOUT_SSH_KEY']],
    ['https, where the secret is a key', https, 'key', []],
    ['ssh, where the secret is a password', 'ssh://git@git.example.com/shop.git', 'login', []],
    ['a path', '/srv/git/shop.git', 'login', []],
  ])('gets the login for submodules from an origin by %s', async (_what, origin, credentials, names) => {
    const env = await environmentOf(origin, { submodules: true, credentials });

    const given = Object.keys(env).filter((name) => /PASSWORD|USERNAME|SSH|HOSTS/.test(name));
    expect(given.sort()).toEqual(names);
    expect(env['CHECKOUT_ORIGIN']).toEqual({ type: 'plain', value: origin });
  });

  it('has the tags sent and fetched where they are asked for', async () => {
    expect((await environmentOf(https, { tags: true }))['CHECKOUT_TAGS']).toEqual({
      type: 'plain',
      value: 'true',
    });
    expect(packedWith.at(-1)).toMatchObject({ tags: true });
    expect((await environmentOf(https, {}))['CHECKOUT_TAGS']).toEqual({ type: 'plain', value: 'false' });
    expect(packedWith.at(-1)).toMatchObject({ tags: false });
  });

  it('gets no login without submodules: the commit comes from the runner', async () => {
    expect(Object.keys(await environmentOf(https, { credentials: 'login' }))).not.toContain(
      'CHECKOUT_PASSWORD',
    );
  });
});

describe('a checkout over HTTPS', () => {
  const url = 'https://git.example.com/shop.git';

  it.each([
    ['login', { CHECKOUT_PASSWORD: 'password', CHECKOUT_USERNAME: 'username' }],
    ['one', { CHECKOUT_LOGIN: 'value' }],
    ['token', { CHECKOUT_PASSWORD: 'value' }],
  ])('gets the secret %s by reference, as what it is', async (secret, keys) => {
    const env = await environmentOf('', { url, credentials: secret });

    const given = Object.entries(env).filter(([name]) => /PASSWORD|USERNAME|LOGIN/.test(name));
    expect(Object.fromEntries(given)).toEqual(
      Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, { type: 'secret', secret, key }])),
    );
  });

  it('is infrastructure where the server failed, and the stage’s failure where it refused, with what Git said', async () => {
    const failing = checkOut(
      '',
      { url },
      { exitCode: 75, outputs: { failure: 'fatal: returned error: 503' } },
    );
    await expect(failing).rejects.toMatchObject({
      fault: 'infrastructure',
      message: 'the Git server cannot be reached, or failed: fatal: returned error: 503',
    });

    const refused = await checkOut(
      '',
      { url },
      { exitCode: 128, outputs: { failure: 'fatal: Authentication failed' } },
    );
    expect(refused.result).toMatchObject({
      outcome: 'failed',
      message: 'git ended with exit code 128: fatal: Authentication failed',
      outputs: {},
    });
  });
});
