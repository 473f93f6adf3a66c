import { repositoryName } from '../../base/image-reference.ts';
import { imageRepositories } from '../image-repositories.ts';
import type { PullPlan } from './pull-plan.ts';

/** An image repository that the run pushes to with credentials. */
export interface PushedRepository {
  /** The stage that does, as the file names it. */
  stage: string;
  /** As the file writes it. */
  written: string;
  /** With its host: `docker.io/ada/web`. */
  repository: string;
}

/** Where image stages push with credentials, as far as it is known before the run. */
export async function pushedRepositories(
  plan: PullPlan,
  git?: Record<string, string>,
): Promise<PushedRepository[]> {
  const found = new Map<string, PushedRepository>();
  for (const { stage, written, reference, credentials } of await imageRepositories(plan, git)) {
    if (credentials === undefined) continue;
    found.set(written, { stage, written, repository: repositoryName(reference) });
  }
  return [...found.values()];
}
