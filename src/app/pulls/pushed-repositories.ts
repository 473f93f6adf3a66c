import { InputError } from '../../base/errors.ts';
import { parseImageReference, repositoryName } from '../../base/image-reference.ts';
import { evaluateText } from '../../expressions/evaluate.ts';
import { isLeftOut } from '../left-out.ts';
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
  git: Record<string, string>,
): Promise<PushedRepository[]> {
  const found = new Map<string, PushedRepository>();
  for (const node of plan.nodes) {
    const image = node.input['image'] as { repository: string; credentials?: string } | undefined;
    if (node.kind !== 'image' || image?.credentials === undefined) continue;
    if (await isLeftOut(node, plan)) continue;
    const scope = { params: plan.parameters, trigger: plan.trigger, matrix: node.matrix, git };
    try {
      const written = await evaluateText(image.repository, scope);
      const repository = repositoryName(parseImageReference(written));
      found.set(written, { stage: node.stage, written, repository });
    } catch (error) {
      // What only the run knows, and what is wrong, is told by the stage.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return [...found.values()];
}
