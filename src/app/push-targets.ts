import { parseImageReference } from '../base/image-reference.ts';
import { evaluateText } from '../expressions/evaluate.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { parseTemplate } from '../expressions/template.ts';
import type { Plan } from '../plan/plan.ts';
import type { Secrets } from '../ports/secrets.ts';
import { registryCredentials } from '../stages/image/registry-credentials.ts';
import type { PushTarget } from './doctor.ts';

/**
 * The repositories that image stages push to, but for those that only the run knows (a branch in its name).
 * @throws InputError for a wrong expression or repository
 */
export async function pushTargets(
  plan: Pick<Plan, 'nodes' | 'parameters' | 'trigger'>,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<PushTarget[]> {
  const nodes = plan.nodes.filter(
    ({ kind, input }) => kind === 'image' && isKnown((input['image'] as { repository: string }).repository),
  );
  return Promise.all(
    nodes.map(async (node): Promise<PushTarget> => {
      const image = node.input['image'] as { repository: string; credentials?: string };
      const { parameters: params, trigger } = plan;
      const repository = await evaluateText(image.repository, { params, trigger, matrix: node.matrix });
      const name = image.credentials;
      if (name === undefined) return { repository };
      const { host } = parseImageReference(repository);
      return {
        repository,
        credentials: async () => registryCredentials(name, await secrets.read(name, { signal }), host),
      };
    }),
  );
}

/** Whether a text says the same before the run as in it. */
function isKnown(text: string): boolean {
  return parseTemplate(text).every(
    (part) =>
      part.type === 'text' ||
      parseExpression(part.source).references.every(({ root }) =>
        ['params', 'trigger', 'matrix'].includes(root),
      ),
  );
}
