import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Agent } from '../../ports/agent.ts';
import type { Environment, EnvironmentValue, SecretData } from '../../ports/secrets.ts';
import type { SourceRepository } from '../../ports/source-repository.ts';
import type { StageContext, StageKind, StageResult } from '../../ports/stage.ts';
import { InputError } from '../../base/errors.ts';
import { checkoutFields, type CheckoutInput } from './schema.ts';
import { checkoutScript } from './script.ts';
import { checkRef, parseSourceUrl, type CheckoutSource } from './source-url.ts';

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
    key: 'checkout',
    fields: checkoutFields,
    scripts: [],
    secretNames: ['checkout.credentials'],
    needsAgent: () => true,
    providesSource: true,
    restoresWorkspace: true,
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
    ...(exitCode === undefined ? {} : { exitCode }),
  });
  context.signal.throwIfAborted();
  if (result.type === 'cancelled')
    return { outcome: 'failed', message: 'cancelled', outputs: {}, environment: {} };
  if (result.exitCode === 0)
    return { outcome: 'succeeded', outputs: result.outputs, environment: result.environment };
  return {
    outcome: 'failed',
    message: `git ended with exit code ${String(result.exitCode)}`,
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
      hint: 'name a repository in `checkout.url`, or make one here with `git init` and a commit',
    });
  }
  if (copy.uncommitted > 0 && input.ref === undefined) {
    const files = `${String(copy.uncommitted)} uncommitted file${copy.uncommitted === 1 ? '' : 's'}`;
    const message = `${files} in ${copy.directory} are not part of the checkout: commit them to have them in the run`;
    await context.emit({ type: 'notice', stage: context.stage.name, level: 'warning', message });
  }
  const packed = await repository.pack(
    { directory: copy.directory, ref: input.ref ?? 'HEAD', depth: input.depth },
    { signal },
  );
  const place = `${agent.workspace}/.slipway-source-${context.stage.name}.${String(context.stage.attempt)}`;
  try {
    await agent.upload(packed.tar, { signal, directory: place, container: context.container });
  } finally {
    packed.tar.destroy();
    await packed.dispose();
  }
  const from = {
    CHECKOUT_URL: plain(`file://${place}`),
    CHECKOUT_PROTOCOLS: plain('file:https:http:ssh'),
    CHECKOUT_REF: plain('refs/slipway/commit'),
    CHECKOUT_BRANCH: plain(input.ref === undefined ? copy.branch : packed.commit.branch),
    CHECKOUT_TAG: plain(packed.commit.tag),
    CHECKOUT_LOCAL: plain(place),
    CHECKOUT_ORIGIN: plain(copy.origin),
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

function httpCredentials(secret: string, data: SecretData): Environment {
  const key = ['password', 'token', 'value'].find((name) => data.has(name));
  if (key === undefined) {
    throw new InputError(
      `secret ${secret} has no key "password" or "token", which a checkout over HTTPS needs`,
    );
  }
  return {
    CHECKOUT_PASSWORD: { type: 'secret', secret, key },
    ...(data.has('username') ? { CHECKOUT_USERNAME: { type: 'secret', secret, key: 'username' } } : {}),
  };
}

function sshCredentials(secret: string, data: SecretData): Environment {
  const key = ['ssh-privatekey', 'privateKey', 'value'].find((name) => data.has(name));
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
