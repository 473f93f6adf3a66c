import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import type { Workload } from '../kubernetes/workload-objects.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { ObjectReference } from '../ports/kubernetes-object.ts';
import { strategies } from '../strategies/registry.ts';
import type { ReleaseWord } from '../strategies/strategy.ts';
import { strategyOf } from './strategy-of.ts';
import { ReleaseStore } from './record/release-store.ts';

/** Which application a person speaks to. */
export interface HeldRequest {
  cluster: Cluster;
  application: string;
  namespace: string;
}

/** A release in progress that holds its Deployment, or waits for its migration, as its record tells it. */
export interface HeldRelease {
  revision: number;
  phase: string;
  /** What it takes now. */
  words: readonly ReleaseWord[];
  /** What bears the answer: the Deployment, or the Job of the migration. */
  object: ObjectReference;
  /** The runner that has it, or had it last, as in the Lease. */
  holder?: string;
  /** Number of the step that waits, from 1. */
  step?: number;
}

/** How often an annotation is written again when the object was changed in the same moment. */
const tries = 10;

/** The release of an application that may be spoken to; `phase` alone where one is in progress that may not. */
export async function heldRelease(
  { cluster, application, namespace }: HeldRequest,
  options: CallOptions,
): Promise<HeldRelease | { phase?: string }> {
  const { current, ...record } = (await new ReleaseStore(cluster, application, namespace).load(options))
    ?.record ?? { history: [] };
  if (current === undefined) return {};
  const { revision, state, owner } = current;
  const { phase } = state;
  const entry = record.history.find(({ number }) => number === revision);
  if (entry === undefined) return { phase };
  const strategy = strategyOf(entry, strategies);
  const parsed = strategy.state.parse(state);
  const isMigrating = strategy.isUnchanged?.(parsed) === true;
  const object = isMigrating ? entry.migration?.job : entry.objects.find(({ kind }) => kind === 'Deployment');
  if (object === undefined) return { phase };
  const words = strategy.answers?.(parsed) ?? [];
  return {
    ...{ revision, phase, words, object },
    ...defined({ holder: owner, step: strategy.waitingStep?.(parsed) }),
  };
}

/** That no release takes what a person says. */
export function notTaken({ application, namespace }: HeldRequest, phase: string | undefined): InputError {
  const where = phase === undefined ? 'none is in progress' : `it is in phase ${phase}`;
  return new InputError(`no release of ${application} waits for an answer: ${where}`, {
    hint: `pipeline release status ${application} --namespace ${namespace} shows where it stands`,
  });
}

/**
 * Writes annotations of a Deployment or Job for what is there now; null takes one off. The record is the runner's own to write:
 * this is how a person speaks to it.
 * @param change undefined: nothing is to be written
 * @returns whether something was
 * @throws InputError when it is not there
 */
export async function annotate(
  object: ObjectReference,
  change: (live: Workload) => Readonly<Record<string, string | null>> | undefined,
  { cluster, application }: HeldRequest,
  options: CallOptions,
): Promise<boolean> {
  for (let tried = 1; ; tried += 1) {
    const live = await cluster.get<Workload>(object, options);
    if (live === undefined)
      throw new InputError(`${object.kind} ${object.name} of ${application} is not there`);
    const annotations = change(live);
    if (annotations === undefined) return false;
    const { resourceVersion } = live.metadata;
    try {
      const body = { metadata: { resourceVersion, annotations } };
      await cluster.patch(object, { type: 'merge', body }, options);
      return true;
    } catch (error) {
      if (!(error instanceof ConflictError) || tried === tries) throw error;
    }
  }
}
