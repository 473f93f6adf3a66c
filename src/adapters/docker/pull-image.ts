import type Docker from 'dockerode';
import type { BuildProgress, BuildRequest } from '../../ports/builder.ts';
import { progressLines } from './build-image.ts';
import { engineMessages } from './engine-messages.ts';

/**
 * Brings what the build will ask for and cannot fetch itself into the engine: images to take cache from (the classic
 * builder uses only those it has) and base images from the registry that the credentials are for.
 * An image that cannot be pulled is reported and left to the build.
 */
export async function pullNeeded(
  engine: Docker,
  request: BuildRequest,
  options: { dockerfileText: string; buildKit: boolean; signal: AbortSignal; onProgress: BuildProgress },
): Promise<void> {
  const bases = options.buildKit && request.credentials !== undefined ? ownBases(request, options) : [];
  const caches = options.buildKit ? [] : request.cacheFrom;
  for (const reference of new Set([...bases, ...caches])) {
    await options.onProgress(`pulling ${reference}`);
    const failure = await pull(engine, reference, request, options);
    if (failure !== undefined) await options.onProgress(`cannot pull ${reference}: ${failure}`);
  }
}

function ownBases(request: BuildRequest, { dockerfileText }: { dockerfileText: string }): string[] {
  const host = hostOf(request.repository);
  const references = [...dockerfileText.matchAll(/^\s*FROM\s+(?:--\S+\s+)*([^\s$]+)(?:\s|$)/gim)];
  return references.flatMap(([, reference]) =>
    reference !== undefined && hostOf(reference) === host ? [reference] : [],
  );
}

async function pull(
  engine: Docker,
  reference: string,
  request: BuildRequest,
  options: { signal: AbortSignal },
): Promise<string | undefined> {
  const own = request.credentials !== undefined && hostOf(reference) === hostOf(request.repository);
  try {
    const body = await engine.pull(reference, {
      abortSignal: options.signal,
      ...(own ? { authconfig: request.credentials } : {}),
    });
    for await (const message of engineMessages(engine, body, options.signal)) {
      const failure = message.errorDetail?.message ?? message.error;
      if (failure !== undefined) return failure;
      progressLines(message);
    }
    return undefined;
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    return error instanceof Error ? error.message : String(error);
  }
}

function hostOf(reference: string): string {
  return reference.split('/')[0] ?? '';
}
