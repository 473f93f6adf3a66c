import { isFields } from '../base/fields.ts';
import type { Diagnostic } from '../spec/diagnostic.ts';
import type { ValidPipeline } from '../spec/parse-pipeline.ts';
import { chosenStrategy, strategySettings } from '../stages/deploy/settings.ts';
import { filePlanOf } from './file-plan.ts';
import { isKnownFromFile } from './known-before-run.ts';
import { stagePaths } from './stage-paths.ts';

/** Warnings of analyses that are never taken: no step or field of their stage's strategy names them. */
export function unusedAnalyses({
  pipeline,
  locate,
}: Pick<ValidPipeline, 'pipeline' | 'locate'>): Diagnostic[] {
  const plan = filePlanOf(pipeline);
  const paths = stagePaths(pipeline);
  return plan.nodes.flatMap(({ stage, input }) => {
    const { analyses, strategy } = isFields(input['deploy']) ? input['deploy'] : {};
    if (!isFields(analyses) || !isKnownFromFile(strategy, plan.parameters)) return [];
    const used = namedBy(strategy);
    if (used === undefined) return [];
    return Object.keys(analyses)
      .filter((name) => !used.names.includes(name))
      .map((name) =>
        locate({
          ...{ code: 'unused', severity: 'warning', at: 'key' },
          path: [...(paths.get(stage) ?? []), 'deploy', 'analyses', name],
          message: `the analysis ${name} is never taken: nothing of the strategy ${used.strategy} names it`,
        }),
      );
  });
}

/** Names of the analyses that a strategy's settings name; undefined where they are not known as they stand. */
function namedBy(written: unknown): { strategy: string; names: readonly string[] } | undefined {
  const parsed = strategySettings.safeParse(written);
  if (!parsed.success) return undefined;
  const { strategy, settings } = chosenStrategy({ strategy: parsed.data });
  return {
    strategy: strategy.name,
    names: (strategy.analyses?.(settings) ?? []).map(({ name }) => name),
  };
}
