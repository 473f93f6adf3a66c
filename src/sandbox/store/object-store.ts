import type { Catalog } from '../kinds/catalog.ts';
import type { Kind } from '../kinds/kind.ts';
import type { Page, Range } from './collection.ts';
import type { Objects } from './objects.ts';
import type { Change } from './records.ts';

/** The store with what the API server needs beyond {@link Objects}. */
export interface ObjectStore extends Objects {
  readonly catalog: Catalog;
  /** The first two numbers of the /16 from which Services get their addresses; a loopback network of this sandbox. */
  readonly serviceNetwork: string;
  /** The resourceVersion of the last change. */
  version(): number;
  /**
   * Objects in order of namespace and name, as they are now or were at `version`; shared and frozen.
   * @throws StatusError Expired when the changes since then are no longer kept.
   */
  page(kind: Kind, range: Range, version?: number): Page;
  /**
   * Calls `listener` with each change of `kind`: first with those after `version` (all that is there when it is
   * undefined), then as they happen. Returns the function that ends it.
   * @throws StatusError Expired when changes after `version` are no longer kept.
   */
  watch(kind: Kind, version: number | undefined, listener: (change: Change) => void): () => void;
  /**
   * Runs `work` as one transaction, whose changes are on disk when it returns: what a client is told was written outlives
   * the process. Other writes are on disk within 50 ms.
   */
  commit<T>(work: () => T): T;
  /** Runs `work` with all its checks and takes back what it wrote. */
  dryRun<T>(work: () => T): T;
  close(): void;
}

/** Options of {@link createObjects}. */
export interface StoreOptions {
  now?: () => Date;
  /** Called when changes could not be written to disk; they are tried again with the next write. */
  onError?: (error: unknown) => void;
}
