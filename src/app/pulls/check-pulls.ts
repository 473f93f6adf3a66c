import type { PullAnswer } from '../../kubernetes/image-pull.ts';
import type { ManifestSearch } from '../stage-manifests.ts';
import { findPulls } from './found-pulls.ts';
import { lookForLogins, type LoginPlace } from './look-for-logins.ts';
import type { PullPlan } from './pull-plan.ts';

/** What the cluster says of a pull. */
export type CheckedPull = PullAnswer & {
  /** The deploy stage whose pods are meant, by its node's name; missing for an agent. */
  stage?: string;
};

/** Looks whether the pods that take what the run pushes with credentials will have a login for the registry. */
export async function checkPulls(
  plan: PullPlan,
  place: LoginPlace,
  search: ManifestSearch,
): Promise<CheckedPull[]> {
  const checked: CheckedPull[] = [];
  for (const pull of await findPulls(plan, search)) {
    const answer = await lookForLogins(pull, place, search);
    checked.push(pull.stage === undefined ? answer : { ...answer, stage: pull.stage });
  }
  return checked;
}

/** What is wrong with a pull, as one line; undefined when nothing is. */
export function warningOfPull(checked: CheckedPull): string | undefined {
  return checked.state === 'ok' ? undefined : `${checked.message} (${checked.hint})`;
}
