import { leastMs } from '../analysis/progress.ts';
import { analysisTiming, type AnalysisTiming } from '../analysis/settings.ts';
import { defined } from '../base/defined.ts';
import { formatDuration } from '../base/duration.ts';
import { isFields } from '../base/fields.ts';
import * as z from '../base/zod.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { evaluateStageInput } from '../plan/stage-input.ts';
import { PipelineFileError, type Diagnostic } from '../spec/diagnostic.ts';
import type { Finding } from '../spec/finding.ts';
import type { ValidPipeline } from '../spec/parse-pipeline.ts';
import { deployDefinition } from '../stages/deploy/definition.ts';
import { chosenStrategy, strategySettings, type DeploySettings } from '../stages/deploy/settings.ts';
import { atDeployStages } from './deploy-stages.ts';
import { filePlanOf } from './file-plan.ts';
import { isDataKnownBeforeRun, isKnownFromFile } from './known-before-run.ts';
import { stagePaths } from './stage-paths.ts';

type PauseNode = Pick<PlanNode, 'stage' | 'kind' | 'phase' | 'matrix' | 'input' | 'when' | 'timeoutMs'>;

/** What of a plan tells how long its releases may wait. */
type PausePlan = Pick<Plan, 'parameters' | 'trigger' | 'timeoutMs'> & { nodes: readonly PauseNode[] };

type LocatedFile = Pick<ValidPipeline, 'pipeline' | 'locate'>;

/** @throws PipelineFileError when a release would wait for longer than the run or its stage may last */
export async function assertPausesFit({ plan, ...file }: LocatedFile & { plan: PausePlan }): Promise<void> {
  const found = await longPauses(plan, file, isDataKnownBeforeRun);
  if (found.length > 0) throw new PipelineFileError(found);
}

/** The same as far as the file tells it without parameters. */
export function pauseDiagnostics(file: LocatedFile): Promise<Diagnostic[]> {
  const plan = filePlanOf(file.pipeline);
  return longPauses(plan, file, (data) => isKnownFromFile(data, plan.parameters));
}

async function longPauses(
  plan: PausePlan,
  { pipeline, locate }: LocatedFile,
  isKnown: (data: unknown) => boolean,
): Promise<Diagnostic[]> {
  const paths = stagePaths(pipeline);
  const found = await atDeployStages(plan, async (node): Promise<Finding[]> => {
    const written = timedOf(node.input['deploy']);
    if (!isKnown(written)) return [];
    const timed = await evaluatedTimes(written, node, plan);
    const { strategy, settings } = chosenStrategy(timed);
    const ms = strategy.pausesMs?.(settings, (name) => leastMs(timed.analyses?.[name] ?? {})) ?? 0;
    const path = [...(paths.get(node.stage) ?? []), 'deploy', 'strategy', strategy.name];
    const isMeasured = (strategy.analyses?.(settings) ?? []).length > 0;
    const what = `the pauses${isMeasured ? ' and analyses' : ''} of ${strategy.name}`;
    const pauses = `${what} take ${formatDuration(ms)} together`;
    return limitsOf(node, plan)
      .filter(({ limitMs }) => ms >= limitMs)
      .map(({ ended, hint, limitMs }) => ({
        ...{ code: 'timeout', path, at: 'key' },
        message: `${pauses}, and ${ended} is ended after ${formatDuration(limitMs)}: the release could not be completed`,
        hint,
      }));
  });
  // Cells of a matrix often say the same.
  return [...new Map(found.map((each) => [JSON.stringify(each), locate(each)])).values()];
}

interface Limit {
  ended: string;
  hint: string;
  limitMs: number;
}

/** What ends a stage. The timeout of the run is not for the stages after its end. */
function limitsOf({ phase, timeoutMs }: PauseNode, plan: PausePlan): Limit[] {
  const ofRun = {
    ended: 'the run',
    hint: 'raise `timeout` of the pipeline above that, since the rest of the run takes time, too, or shorten the pauses',
    limitMs: plan.timeoutMs,
  };
  const ofStage = {
    ended: 'the stage',
    hint: 'raise or remove `timeout` of the stage, or shorten the pauses',
  };
  return [
    ...(phase === 'main' ? [ofRun] : []),
    ...(timeoutMs === undefined ? [] : [{ ...ofStage, limitMs: timeoutMs }]),
  ];
}

/** What of a deploy stage says how long its release waits. */
const timedFields = {
  strategy: strategySettings,
  analyses: z.optional(z.record(z.string(), analysisTiming)),
};

/** That of a stage as it is written. */
function timedOf(deploy: unknown): Record<string, unknown> {
  const { strategy, analyses } = isFields(deploy) ? deploy : {};
  const timings = Object.entries(isFields(analyses) ? analyses : {}).map(([name, analysis]) => {
    const { count, interval, initialDelay } = isFields(analysis) ? analysis : {};
    return [name, defined({ count, interval, initialDelay })];
  });
  return defined({ strategy, analyses: Object.fromEntries(timings) as unknown });
}

/** @throws InputError for a wrong expression */
async function evaluatedTimes(
  written: Record<string, unknown>,
  { matrix }: PauseNode,
  { parameters, trigger }: PausePlan,
): Promise<Pick<DeploySettings, 'strategy'> & { analyses?: Readonly<Record<string, AnalysisTiming>> }> {
  const scope = { params: parameters, trigger, matrix };
  return evaluateStageInput({ ...deployDefinition, fields: timedFields }, written, scope);
}
