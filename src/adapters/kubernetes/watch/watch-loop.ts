import type { Readable } from 'node:stream';
import type { WatchEvent } from '../../../ports/cluster.ts';
import { ClusterError, UnreachableError } from '../../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import { pause } from '../client/pause.ts';
import { readWatchLines, SilentWatchError, type WatchLine } from './watch-lines.ts';

/** A collection of objects that can be listed and watched. */
export interface WatchedCollection<O extends KubernetesObject> {
  /** In words, for errors. */
  what: string;
  /** Milliseconds without a byte after which a watch is taken for dead. */
  silenceMs: number;
  list(): Promise<{ objects: O[]; resourceVersion: string }>;
  open(resourceVersion: string, timeoutSeconds: number): Promise<Readable>;
}

/** The server ends a watch after this long, ± a fifth, so that the watches of many runners do not end together. */
const watchSeconds = 290;
/** A watch that ends sooner than this is not opened again at once. */
const shortMs = 1000;

/**
 * The one watch loop: list, then watch from there. When a watch ends, it continues from the last version seen; when
 * that version is gone (410), an error comes inside the stream, or the stream is silent, it lists again. Failures are waited out with
 * backoff and jitter. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 * @throws what retrying cannot mend: forbidden, not found
 */
export async function* watchCollection<O extends KubernetesObject>(
  collection: WatchedCollection<O>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<O>> {
  let version: string | undefined;
  for (let failures = 0; !signal.aborted;) {
    const startedAt = performance.now();
    try {
      if (version === undefined) {
        const listing = await collection.list();
        version = listing.resourceVersion;
        yield { type: 'reset', objects: listing.objects };
      }
      const seconds = Math.round(watchSeconds * (0.8 + 0.4 * Math.random()));
      const lines = readWatchLines(await collection.open(version, seconds), collection.silenceMs);
      for await (const line of lines) {
        failures = 0;
        const next = interpret<O>(line);
        if (next.expired) {
          version = undefined;
          break;
        }
        version = next.version ?? version;
        if (next.event !== undefined) yield next.event;
      }
      failures = performance.now() - startedAt < shortMs ? failures + 1 : 0;
    } catch (error) {
      if (ended(signal)) return;
      if (!isTransient(error)) throw error;
      const isGone = error instanceof ClusterError && error.status === 410;
      // What holds one watch back, such as a proxy that buffers, may hold the next one back too: a list gets through.
      if (isGone || error instanceof SilentWatchError) version = undefined;
      failures += 1;
    }
    // The pause is cut short by the end of the watch, which the loop's head sees.
    if (failures > 0) await pause(backoffMs(failures, Math.random()), signal).catch(() => undefined);
  }
}

/** 0.25 s doubled up to 10 s, half of it random. */
export function backoffMs(failures: number, random: number): number {
  const ceiling = Math.min(10_000, 250 * 2 ** Math.min(failures - 1, 10));
  return ceiling / 2 + (ceiling / 2) * random;
}

/** Read through a function: the flow analysis takes a signal's state for fixed. */
function ended(signal: AbortSignal): boolean {
  return signal.aborted;
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof ClusterError)) return true; // the stream broke
  return error instanceof UnreachableError || error.status === 410;
}

interface Interpreted<O extends KubernetesObject> {
  expired: boolean;
  version?: string | undefined;
  event?: WatchEvent<O>;
}

function interpret<O extends KubernetesObject>(line: WatchLine): Interpreted<O> {
  const object = line.object as O;
  const version = line.object.metadata?.resourceVersion;
  switch (line.type) {
    case 'ADDED':
    case 'MODIFIED':
      return { expired: false, version, event: { type: 'upsert', object } };
    case 'DELETED':
      return { expired: false, version, event: { type: 'delete', object } };
    case 'BOOKMARK':
      return { expired: false, version };
    default:
      return { expired: true }; // ERROR, with a Status instead of an object: too old a version, or trouble inside
  }
}
