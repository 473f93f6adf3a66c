import { InputError } from '../base/errors.ts';
import { answerOf } from '../kubernetes/hold-mark.ts';
import {
  detachAnnotation,
  detachOf,
  pauseAnnotation,
  pauseOf,
  type Detach,
  type Pause,
} from '../kubernetes/stand-mark.ts';
import type { Workload } from '../kubernetes/workload-objects.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { ReleaseWord } from '../strategies/strategy.ts';
import { annotate, heldRelease, notTaken, type HeldRelease, type HeldRequest } from './held-deployment.ts';

/** Who wants a release to stand still. */
export interface StandRequest extends HeldRequest {
  by: string;
}

/**
 * Pauses a release that holds its Deployment at its next point of rest: its runner, or one that continues it, leaves the
 * pods as they are, until the pause is lifted or the release is answered. The first pause stays.
 * @returns the pause that holds
 * @throws InputError when no release of the application can be paused, or it is being aborted
 */
export async function pauseRelease(
  request: StandRequest & { /** Milliseconds since 1970. */ at: number },
  options: CallOptions,
): Promise<Pause> {
  const { by, at } = request;
  const { revision, object } = await heldThatTakes('pause', request, options);
  let pause: Pause = { revision, by, since: new Date(at).toISOString() };
  await annotate(
    object,
    (live) => {
      assertNotAborted(live, revision, request);
      const given = pauseOf(live);
      if (given?.revision !== revision) return { [pauseAnnotation]: JSON.stringify(pause) };
      pause = given;
      return undefined;
    },
    request,
    options,
  );
  return pause;
}

/**
 * Lifts the pause of the release in progress.
 * @returns the revision that was paused; undefined: none was
 */
export async function liftPause(request: HeldRequest, options: CallOptions): Promise<number | undefined> {
  const held = await heldRelease(request, options);
  if (!('words' in held) || !held.words.includes('pause')) return undefined;
  const { revision, object } = held;
  const isLifted = await annotate(
    object,
    (live) => (pauseOf(live)?.revision === revision ? { [pauseAnnotation]: null } : undefined),
    request,
    options,
  );
  return isLifted ? revision : undefined;
}

/**
 * Has the runner of a release leave it as soon as it waits or is paused.
 * @throws InputError when no release of the application can be left, or it is being aborted
 */
export async function detachRelease(request: StandRequest, options: CallOptions): Promise<number> {
  const { revision, object, holder = '' } = await heldThatTakes('detach', request, options);
  const wanted: Detach = { revision, by: request.by, holder };
  await annotate(
    object,
    (live) => {
      assertNotAborted(live, revision, request);
      return detachOf(live)?.holder === holder ? undefined : { [detachAnnotation]: JSON.stringify(wanted) };
    },
    request,
    options,
  );
  return revision;
}

/** @throws InputError that says why it cannot be left, where the traffic has moved */
async function heldThatTakes(
  word: ReleaseWord,
  request: HeldRequest,
  options: CallOptions,
): Promise<HeldRelease> {
  const held = await heldRelease(request, options);
  if (!('words' in held)) throw notTaken(request, held.phase);
  if (held.words.includes(word)) return held;
  // Whatever else may be said then can be paused.
  if (word === 'detach' && held.words.includes('pause'))
    throw new InputError(
      `the runner of ${request.application} cannot leave it now: the new pods have the traffic, and it has to watch that the old ones can take it back`,
      { hint: 'wait for its end, or give promote or abort first' },
    );
  throw notTaken(request, held.phase);
}

function assertNotAborted(live: Workload, revision: number, { application }: HeldRequest): void {
  const answer = answerOf(live);
  if (answer?.revision === revision && answer.answer === 'abort')
    throw new InputError(`revision ${String(revision)} of ${application} is being aborted`);
}
