import type { SeenDeployment } from '../holding.ts';

/** What a release expects of its held Deployment. */
export interface Expected {
  /** Hash of the old pods. */
  stable: string;
  /** Hash of the new pods, once it is known. */
  candidate?: string;
  /** The release has paused it. */
  isPaused: boolean;
  /** The release may have taken its mark off. */
  isMarkOff: boolean;
}

/** What somebody else has changed of a held Deployment: `resumed Deployment web`. */
export function foreignChange(
  { reference: { name }, live, mark, fields }: SeenDeployment,
  { stable, candidate, isPaused, isMarkOff }: Expected,
): string | undefined {
  const isOther = candidate === undefined ? live?.hash === stable : live?.hash !== candidate;
  if (isOther) return `changed the pod template of Deployment ${name}`;
  if (mark === undefined && !isMarkOff) return `took the annotation of the release off Deployment ${name}`;
  // What the release has itself written, without learning of it, is no change of somebody else.
  const isResumed = isPaused && fields.paused !== true && mark?.rolls !== true;
  return isResumed ? `resumed Deployment ${name}` : undefined;
}
