import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import { parseImageReference, type ImageReference } from '../base/image-reference.ts';
import { evaluateText } from '../expressions/evaluate.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { isTextKnownBeforeRun } from './known-before-run.ts';
import { isLeftOut } from './left-out.ts';

/** A repository that an image stage pushes to. */
export interface ImageRepository {
  /** The stage, as the file names it. */
  stage: string;
  /** As the file writes it. */
  written: string;
  reference: ImageReference;
  /** The secret with its login; missing: it needs none. */
  credentials?: string;
}

/**
 * Where image stages push, as far as it is known before the run. What only the run knows, and what is wrong, is told by
 * the stage.
 * @param git missing: there is no checkout to take it from
 */
export async function imageRepositories(
  plan: Pick<Plan, 'parameters' | 'trigger'> & {
    nodes: readonly Pick<PlanNode, 'stage' | 'kind' | 'matrix' | 'input' | 'when'>[];
  },
  git?: Record<string, string>,
): Promise<ImageRepository[]> {
  const found: ImageRepository[] = [];
  for (const { kind, stage, matrix, input, when } of plan.nodes) {
    if (kind !== 'image') continue;
    const { repository, credentials } = input['image'] as { repository: string; credentials?: string };
    try {
      if (!isTextKnownBeforeRun(repository, git === undefined ? [] : ['git'])) continue;
      if (await isLeftOut({ matrix, ...defined({ when }) }, plan)) continue;
      const scope = { params: plan.parameters, trigger: plan.trigger, matrix, ...defined({ git }) };
      const written = await evaluateText(repository, scope);
      found.push({ stage, written, reference: parseImageReference(written), ...defined({ credentials }) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return found;
}
