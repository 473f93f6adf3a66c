import { defined } from '../../base/defined.ts';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Agent } from '../../ports/agent.ts';
import type { Environment, EnvironmentValue, SecretData } from '../../ports/secrets.ts';
import type { SourceRepository } from '../../ports/source-repository.ts';
import type { StageContext, StageKind, StageResult } from '../../ports/stage.ts';
import { InputError, SlipwayError } from '../../base/errors.ts';
import { failures } from '../../base/failures.ts';
import { checkoutDefinition } from './definition.ts';
import type { CheckoutInput } from './schema.ts';
import { checkoutScript, unreachableExitCode } from './script.ts';
import { checkRef, parseSourceUrl, type CheckoutSource } from './source-url.ts';

/** The Git server could not be reached, or failed. */
export class GitServerError extends SlipwayError {
  readonly code = 'git-server';
  readonly fault = failures.unreachable;
}

/** What the checkout stage needs beside the agent. */
export interface CheckoutDependencies {
  repository: SourceRepository;
  /** Absolute folder of the pipeline file: where relative paths start, and the working copy used when there is no url. */
  directory: string;
}

type Checkout = CheckoutInput['checkout'];

/**
 * Brings a commit into the workspace with the agent's own git. A repository of the runner's machine (no `url`, a
 * path, `file://`) is packed there and sent; all others are fetched by the agent.
 */
export function checkoutStage(dependencies: CheckoutDependencies): StageKind<CheckoutInput> {
  return {
    definition: checkoutDefinition,
    run: (input, context) => checkout(dependencies, pinned(input.checkout, context), context),
  };
}

/** A repeated checkout takes the commit of the first one, wherever the branch points by now. */
function pinned(input: Checkout, { restoring }: StageContext): Checkout {
  const sha = restoring?.['sha'];
  return sha === undefined ? input : { ...input, ref: sha };
}

async function checkout(
  dependencies: CheckoutDependencies,
  input: Checkout,
  context: StageContext,
): Promise<StageResult> {
  if (input.ref !== undefined) checkRef(input.ref);
  const source = parseSourceUrl(input.url, dependencies.directory);
  const agent = await context.agent();
  const directory = path.posix.resolve(agent.workspace, input.path);
  if (directory !== agent.workspace && !directory.startsWith(`${agent.workspace}/`)) {
    throw new InputError(`checkout.path "${input.path}" leaves the workspace`);
  }
  const { from, folder } =
    source.type === 'local'
      ? await sendLocal(dependencies.repository, { source, input, agent, context })
      : {
          from: { CHECKOUT_URL: plain(source.url), ...(await credentials(input, source.transport, context)) },
          folder: '',
        };
  const env: Environment = {
    CHECKOUT_PATH: plain(directory),
    CHECKOUT_REF: plain(input.ref ?? ''),
    CHECKOUT_DEPTH: plain(String(input.depth)),
    CHECKOUT_TAGS: plain(String(input.tags)),
    CHECKOUT_SUBMODULES: plain(String(input.submodules)),
    CHECKOUT_LFS: plain(input.lfs === undefined ? '' : String(input.lfs)),
    ...from,
  };
  const result = await runCheckout(agent, env, context);
  const place = path.posix.relative(agent.workspace, path.posix.join(directory, folder));
  return place === '' ? result : { ...result, outputs: { ...result.outputs, directory: place } };
}

async function runCheckout(agent: Agent, env: Environment, context: StageContext): Promise<StageResult> {
  const id = `${context.stage.name}.${String(context.stage.attempt)}.checkout`;
  const { name } = context.stage;
  const result = await agent.runStep(
    {
      id,
      container: context.container,
      script: checkoutScript,
      shell: ['sh', '-e'],
      workingDirectory: agent.workspace,
      env: { ...context.env, ...env },
    },
    {
      signal: context.signal,
      fromOffset: context.offsets[id] ?? 0,
      onOutput: async (chunk, offset) => {
        await context.emit({ type: 'step.output', stage: name, step: 'checkout', id, chunk, offset });
        context.saveOffset(id, offset + chunk.length);
      },
    },
  );
  const exitCode = result.type === 'exited' ? result.exitCode : undefined;
  await context.emit({
    type: 'step.end',
    stage: name,
    step: 'checkout',
    id,
    ...defined({ exitCode }),
  });
  context.signal.throwIfAborted();
  if (result.type === 'cancelled')
    return { outcome: 'failed', message: 'cancelled', outputs: {}, environment: {} };
  if (result.exitCode === 0)
    return { outcome: 'succeeded', outputs: result.outputs, environment: result.environment };
  const why = result.outputs['failure'];
  if (result.exitCode === unreachableExitCode) {
    const hint = 'a stage with `retry: { max: 2 }` tries again';
    throw new GitServerError(`the Git server cannot be reached, or failed: ${why ?? ''}`, { hint });
  }
  return {
    outcome: 'failed',
    message: `git ended with exit code ${String(result.exitCode)}${why === undefined ? '' : `: ${why}`}`,
    hint: 'its last lines say why: the repository, the ref, the credentials or the known hosts',
    outputs: {},
    environment: {},
  };
}

interface LocalRequest {
  source: Extract<CheckoutSource, { type: 'local' }>;
  input: Checkout;
  agent: Agent;
  context: StageContext;
}

/**
 * Packs a commit of this machine, sends it beside the workspace's files, and says where the agent finds it. `folder` is
 * that of the pipeline file in its own working copy, where the stages after this one work: paths in the file mean the
 * same whether it lies at the top of a repository or deeper.
 */
async function sendLocal(
  repository: SourceRepository,
  request: LocalRequest,
): Promise<{ from: Environment; folder: string }> {
  const { source, input, agent, context } = request;
  const { signal } = context;
  const copy = await repository.workingCopy(source.directory, { signal });
  if (copy === undefined) {
    throw new InputError(`${source.directory} is not a Git working copy, so there is nothing to check out`, {
      hint: 'set `checkout.url`, or create a repository here with `git init` and a commit',
    });
  }
  if (copy.uncommitted > 0 && input.ref === undefined) {
    const [files, them] =
      copy.uncommitted === 1
        ? ['1 uncommitted file', 'it']
        : [`${String(copy.uncommitted)} uncommitted files`, 'them'];
    const message = `without ${files} of ${copy.directory}: commit ${them} to have ${them} in the run`;
    await context.emit({ type: 'notice', stage: context.stage.name, level: 'warning', message });
  }
  const packed = await repository.pack(
    { directory: copy.directory, ref: input.ref ?? 'HEAD', depth: input.depth, tags: input.tags },
    { signal },
  );
  const place = `${agent.workspace}/.slipway-source-${context.stage.name}.${String(context.stage.attempt)}`;
  try {
    const open = () => packed.open();
    await agent.upload(open, { signal, directory: place, container: context.container });
  } finally {
    await packed.dispose();
  }
  const from = {
    CHECKOUT_URL: plain(`file://${place}`),
    CHECKOUT_PROTOCOLS: plain('file'),
    CHECKOUT_REF: plain('refs/slipway/commit'),
    CHECKOUT_BRANCH: plain(input.ref === undefined ? copy.branch : packed.commit.branch),
    CHECKOUT_TAG: plain(packed.commit.tag),
    CHECKOUT_LOCAL: plain(place),
    CHECKOUT_ORIGIN: plain(copy.origin),
    ...(input.submodules === false ? {} : await originCredentials(input, copy.origin, context)),
  };
  return {
    from,
    folder: input.url === undefined ? await folderInside(copy.directory, source.directory) : '',
  };
}

/** A folder relative to the repository's top, with `/` between names; the names of both may come over links. */
async function folderInside(top: string, folder: string): Promise<string> {
  return path
    .relative(await realpath(top), await realpath(folder))
    .split(path.sep)
    .join('/');
}

async function credentials(
  input: Checkout,
  transport: 'http' | 'ssh',
  context: StageContext,
): Promise<Environment> {
  const secret = input.credentials;
  if (secret === undefined) return {};
  const data = await context.secrets.read(secret, { signal: context.signal });
  return transport === 'http' ? httpCredentials(secret, data) : sshCredentials(secret, data);
}

const passwordKeys = ['password', 'token', 'value'];
const sshKeys = ['ssh-privatekey', 'privateKey', 'value'];

/** The login for the submodules of a local checkout, which come from where it was cloned from; none where it does not fit. */
async function originCredentials(
  input: Checkout,
  origin: string,
  context: StageContext,
): Promise<Environment> {
  if (input.credentials === undefined) return {};
  const data = await context.secrets.read(input.credentials, { signal: context.signal });
  const fits = (keys: readonly string[]): boolean => keys.some((key) => data.has(key));
  if (/^https?:\/\//.test(origin) && fits(passwordKeys)) return httpCredentials(input.credentials, data);
  if (/^(ssh:\/\/|[\w.-]+@[\w.][\w.-]*:)/.test(origin) && fits(sshKeys))
    return sshCredentials(input.credentials, data);
  return {};
}

function httpCredentials(secret: string, data: SecretData): Environment {
  const key = passwordKeys.find((name) => data.has(name));
  if (key === undefined) {
    throw new InputError(
      `secret ${secret} has no key "password" or "token", which a checkout over HTTPS needs`,
    );
  }
  // A variable or a file with both, as registries take them.
  if (key === 'value' && /^[^:]+:[^]/.test(data.get(key)?.toString('utf8') ?? ''))
    return { CHECKOUT_LOGIN: { type: 'secret', secret, key } };
  return {
    CHECKOUT_PASSWORD: { type: 'secret', secret, key },
    ...(data.has('username') ? { CHECKOUT_USERNAME: { type: 'secret', secret, key: 'username' } } : {}),
  };
}

function sshCredentials(secret: string, data: SecretData): Environment {
  const key = sshKeys.find((name) => data.has(name));
  if (key === undefined)
    throw new InputError(`secret ${secret} has no key "ssh-privatekey", which a checkout over SSH needs`);
  if (!data.has('known_hosts')) {
    throw new InputError(
      `secret ${secret} has no key "known_hosts": the server's host key could not be checked`,
      {
        hint: 'add what `ssh-keyscan HOST` prints, after comparing it with the server’s published key',
      },
    );
  }
  return {
    CHECKOUT_SSH_KEY: { type: 'secret', secret, key },
    CHECKOUT_KNOWN_HOSTS: { type: 'secret', secret, key: 'known_hosts' },
  };
}

function plain(value: string): EnvironmentValue {
  return { type: 'plain', value };
}
