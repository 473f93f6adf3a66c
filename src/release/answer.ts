import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import { sameJson } from '../base/same-json.ts';
import { answerAnnotation, answerOf, answerText, type Answer } from '../kubernetes/hold-mark.ts';
import { pauseAnnotation, pauseOf } from '../kubernetes/stand-mark.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { annotate, heldRelease, notTaken, type HeldRequest } from './held-deployment.ts';
import { liftPause } from './pause.ts';

/** An answer to the release of an application that holds its Deployment, or waits for its migration. */
export interface AnswerRequest extends HeldRequest {
  answer: Answer['answer'];
}

/**
 * Answers a release by an annotation of the Deployment that it holds, or of the Job that it waits for: its runner, or one
 * that resumes the release, reads it there. An abort wins over a promotion, whichever comes first. An answer ends a pause,
 * too; a promotion where no step waits does nothing else.
 * @returns the revision that is answered for
 * @throws InputError when no release of the application takes the answer
 */
export async function answerRelease(request: AnswerRequest, options: CallOptions): Promise<number> {
  const { application, answer } = request;
  const held = await heldRelease(request, options);
  if (!('words' in held) || !held.words.includes(answer)) {
    const lifted = answer === 'promote' ? await liftPause(request, options) : undefined;
    if (lifted !== undefined) return lifted;
    throw notTaken(request, held.phase);
  }
  const { revision, step } = held;
  const wanted: Answer = { revision, answer, ...defined({ step: answer === 'promote' ? step : undefined }) };
  await annotate(
    held.object,
    (live) => {
      const lifted = pauseOf(live)?.revision === revision ? { [pauseAnnotation]: null } : undefined;
      if (isGiven(answerOf(live), wanted, application)) return lifted;
      return { [answerAnnotation]: answerText(wanted), ...lifted };
    },
    request,
    options,
  );
  return revision;
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
  const held = await heldRelease(request, options);
  return 'words' in held && held.words.includes(request.answer);
}
