import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import { sameJson } from '../base/same-json.ts';
import { answerAnnotation, answerOf, answerText, type Answer } from '../kubernetes/hold-mark.ts';
import type { Workload } from '../kubernetes/workload-objects.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { ObjectReference } from '../ports/kubernetes-object.ts';
import { strategies } from '../strategies/registry.ts';
import { revisionOf } from './record/release-record.ts';
import { strategyOf } from './strategy-of.ts';
import { ReleaseStore } from './record/release-store.ts';

/** An answer to the release of an application that holds its Deployment, or waits for its migration. */
export interface AnswerRequest {
  cluster: Cluster;
  application: string;
  namespace: string;
  answer: Answer['answer'];
}

/** How often an answer is written again when the Deployment was changed in the same moment. */
const tries = 10;

/**
 * Answers a release by an annotation of the Deployment that it holds, or of the Job that it waits for: its runner, or one
 * that resumes the release, reads it there. The record is the runner's own to write. An abort wins over a promotion,
 * whichever comes first.
 * @returns the revision that is answered for
 * @throws InputError when no release of the application takes the answer
 */
export async function answerRelease(request: AnswerRequest, options: CallOptions): Promise<number> {
  const { cluster, application, namespace, answer } = request;
  const { revision, phase, held, step } = await heldBy(request, options);
  if (revision === undefined || held === undefined) {
    const where = phase === undefined ? 'none is in progress' : `it is in phase ${phase}`;
    throw new InputError(`no release of ${application} waits for an answer: ${where}`, {
      hint: `pipeline release status ${application} --namespace ${namespace} shows where it stands`,
    });
  }
  const wanted: Answer = { revision, answer, ...defined({ step }) };
  const annotations = { [answerAnnotation]: answerText(wanted) };
  for (let tried = 1; ; tried += 1) {
    const live = await cluster.get<Workload>(held, options);
    if (live === undefined) throw new InputError(`${held.kind} ${held.name} of ${application} is not there`);
    if (isGiven(answerOf(live), wanted, application)) return revision;
    const { resourceVersion } = live.metadata;
    try {
      const body = { metadata: { resourceVersion, annotations } };
      await cluster.patch(held, { type: 'merge', body }, options);
      return revision;
    } catch (error) {
      if (!(error instanceof ConflictError) || tried === tries) throw error;
    }
  }
}

/** Whether an answer stands there already, or one that holds for more. @throws InputError when it is aborted */
function isGiven(given: Answer | undefined, wanted: Answer, application: string): boolean {
  if (sameJson(given, wanted)) return true;
  if (given?.revision !== wanted.revision) return false;
  if (given.answer === 'abort')
    throw new InputError(`revision ${String(given.revision)} of ${application} is being aborted`);
  return given.answer === 'promoteFull' && wanted.answer === 'promote';
}

/** Whether the release of the application takes an answer. */
export async function takesAnswer(request: AnswerRequest, options: CallOptions): Promise<boolean> {
  return (await heldBy(request, options)).held !== undefined;
}

/** The release in progress, and its Deployment where it takes the answer. */
async function heldBy(
  { cluster, application, namespace, answer }: AnswerRequest,
  options: CallOptions,
): Promise<{ revision?: number; phase?: string; held?: ObjectReference; step?: number }> {
  const record = (await new ReleaseStore(cluster, application, namespace).load(options))?.record;
  if (record?.current === undefined) return {};
  const { revision, state } = record.current;
  const { phase } = state;
  const entry = revisionOf(record, revision);
  const strategy = strategyOf(entry, strategies);
  const parsed = strategy.state.parse(state);
  if (strategy.answers?.(parsed).includes(answer) !== true) return { revision, phase };
  const isMigrating = strategy.isUnchanged?.(parsed) === true;
  const held = isMigrating ? entry.migration?.job : entry.objects.find(({ kind }) => kind === 'Deployment');
  const step = answer === 'promote' ? strategy.waitingStep?.(parsed) : undefined;
  return { revision, phase, ...defined({ held, step }) };
}
