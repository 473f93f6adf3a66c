import type Docker from 'dockerode';
import { backoffMs } from '../../base/backoff.ts';
import { messageOf } from '../../base/errors.ts';
import type { BuildProgress } from '../../ports/builder.ts';
import type { Clock } from '../../ports/clock.ts';
import { RegistryError, type RegistryCredentials } from '../../ports/registry.ts';
import { pushFailure } from './engine-errors.ts';
import { engineMessages, type EngineMessage } from './engine-messages.ts';

const maxAttempts = 5;
const delays = { baseMs: 500, maxMs: 10_000 };

/** One tag of one image. */
export interface TagToPush {
  imageId: string;
  /** As the engine is to name it. */
  repository: string;
  tag: string;
  credentials: RegistryCredentials | undefined;
}

/** What a push needs. */
export interface PushOptions {
  signal: AbortSignal;
  onProgress: BuildProgress;
  clock: Clock;
}

/**
 * Tags the image and pushes the tag. What a registry may recover from (5xx, resets: Harbor's quota lock) is tried
 * again; a refusal is not. Where another build took the same tag of the engine meanwhile, and so that one's image was
 * pushed, ours is tagged and pushed again.
 * @returns the digest that the registry gave
 * @throws RegistryError
 */
export async function pushTag(engine: Docker, target: TagToPush, options: PushOptions): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const digest = await pushOnce(engine, target, options);
      if (await isOurs(engine, target, digest)) return digest;
      throw new RegistryError(
        'unreachable',
        `another build took ${reference(target)} in the engine while it was being pushed`,
      );
    } catch (error) {
      options.signal.throwIfAborted();
      const again = error instanceof RegistryError && error.problem === 'unreachable';
      if (!again || attempt === maxAttempts) throw error;
      const delayMs = backoffMs(attempt, delays);
      await options.onProgress(`${error.message}; trying again in ${String(delayMs)} ms`);
      await options.clock.sleep(delayMs, options);
    }
  }
}

async function pushOnce(engine: Docker, target: TagToPush, options: PushOptions): Promise<string> {
  const { repository, tag, imageId, credentials } = target;
  await engine.getImage(imageId).tag({ repo: repository, tag });
  try {
    // The engine wants the header even without a login.
    const body = await engine.getImage(repository).push({
      tag,
      abortSignal: options.signal,
      authconfig: (credentials ?? {}) as never,
    });
    return await followPush(reference(target), engineMessages(engine, body, options.signal), options);
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw pushFailure(reference(target), messageOf(error));
  }
}

async function followPush(
  name: string,
  messages: AsyncIterable<EngineMessage>,
  options: PushOptions,
): Promise<string> {
  let digest: string | undefined;
  for await (const message of messages) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw pushFailure(name, failure);
    digest = digestOf(message) ?? digest;
    const line = layerLine(message);
    if (line !== undefined) await options.onProgress(line);
  }
  if (digest === undefined) throw pushFailure(name, 'the engine ended the push without a digest: EOF');
  return digest;
}

/** Only how a layer ended; what lies between changes many times a second. */
function layerLine({ id, status }: EngineMessage): string | undefined {
  if (status === undefined || id === undefined) return undefined;
  return /^(?:Pushed|Layer already exists|Mounted from)/.test(status) ? `${id}: ${status}` : undefined;
}

function digestOf({ aux }: EngineMessage): string | undefined {
  if (typeof aux !== 'object' || aux === null || !('Digest' in aux)) return undefined;
  return typeof aux.Digest === 'string' ? aux.Digest : undefined;
}

/** The engine notes with the image which digest it was pushed as. */
async function isOurs(engine: Docker, target: TagToPush, digest: string): Promise<boolean> {
  const { RepoDigests } = await engine.getImage(target.imageId).inspect();
  return (RepoDigests as string[] | null)?.some((known) => known.endsWith(`@${digest}`)) ?? false;
}

function reference(target: TagToPush): string {
  return `${target.repository}:${target.tag}`;
}
