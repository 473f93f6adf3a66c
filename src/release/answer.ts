import { InputError } from '../base/errors.ts';
import { answerAnnotation, type Answer } from '../kubernetes/hold-mark.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import { revisionOf } from './record/release-record.ts';
import { ReleaseStore } from './record/release-store.ts';

/** An answer to the release of an application that waits for a person. */
export interface AnswerRequest {
  cluster: Cluster;
  application: string;
  namespace: string;
  answer: Answer['answer'];
}

/** The phase in which a release waits for a person. */
const waitingPhase = 'waiting';

/**
 * Answers a release that waits for a person, by an annotation of the Deployment that it holds: its runner, or whoever
 * resumes the release, reads it there. The record is the runner's own to write.
 * @returns the revision that is answered for
 * @throws InputError when no release of the application waits
 */
export async function answerRelease(
  { cluster, application, namespace, answer }: AnswerRequest,
  options: CallOptions,
): Promise<number> {
  const record = (await new ReleaseStore(cluster, application, namespace).load(options))?.record;
  const current = record?.current;
  const held =
    record === undefined || current?.state.phase !== waitingPhase
      ? undefined
      : revisionOf(record, current.revision).objects.find(({ kind }) => kind === 'Deployment');
  if (current === undefined || held === undefined) {
    const phase = current === undefined ? 'none is in progress' : `it is in phase ${current.state.phase}`;
    throw new InputError(`no release of ${application} waits for an answer: ${phase}`, {
      hint: `pipeline release status ${application} shows where it stands`,
    });
  }
  const annotations = { [answerAnnotation]: `${String(current.revision)} ${answer}` };
  await cluster.patch(held, { type: 'merge', body: { metadata: { annotations } } }, options);
  return current.revision;
}

/** Whether a release of the application waits for a person. */
export async function isWaiting(
  { cluster, application, namespace }: Omit<AnswerRequest, 'answer'>,
  options: CallOptions,
): Promise<boolean> {
  const record = (await new ReleaseStore(cluster, application, namespace).load(options))?.record;
  return record?.current?.state.phase === waitingPhase;
}
