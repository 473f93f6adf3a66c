import { compilePlan } from '../plan/compile-plan.ts';
import type { UnboundPlan } from '../plan/plan.ts';
import type { Policy } from '../policy/policy.ts';
import { formatDiagnostic } from '../spec/diagnostic.ts';
import type { ValidPipeline } from '../spec/parse-pipeline.ts';
import { allowedPipeline } from './allowed-pipeline.ts';
import { defaultAgentImage } from './default-agent-image.ts';
import { assertPausesFit } from './planned-pauses.ts';
import { readPipelineFile, type PipelineFile } from './pipeline-file.ts';
import { readPolicies } from './policies.ts';
import { stageDefinitions } from './stage-definitions.ts';

/** A pipeline file with what it makes of parameters and a trigger; once for each command. */
export interface PlannedFile extends Pick<ValidPipeline, 'pipeline' | 'locate'> {
  file: PipelineFile;
  parameters: Readonly<Record<string, string>>;
  plan: UnboundPlan;
  /** Those that the plan has to keep to. */
  policies: readonly Policy[];
  /** A line each. */
  warnings: readonly string[];
}

/** What a file is planned with. */
export interface PlanValues {
  parameters: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  /** Policies of the runner; missing: none, for commands that only look. */
  policies?: readonly Policy[];
}

/** What a file of this machine is planned with. */
export type ReadPlanRequest = Pick<PlanValues, 'parameters' | 'trigger'> & {
  /** Files of the runner's policies. */
  policyFiles?: readonly string[];
};

/**
 * Reads, checks and plans a file of this machine, before a cluster is looked for. The pauses of its releases must fit into
 * its time limits.
 * @throws InputError, RefusedPathError when it, or a policy, cannot be read; PolicyFileError; what {@link planFile} throws
 */
export async function readPlan(path: string, request: ReadPlanRequest): Promise<PlannedFile> {
  const file = await readPipelineFile(path);
  const policies = await readPolicies(request.policyFiles ?? [], file.directory);
  const planned = planFile(file, { ...request, policies });
  await assertPausesFit(planned);
  return planned;
}

/**
 * Checks and plans a file; reaches nothing.
 * @throws PipelineFileError, InputError (parameters, expressions that the plan needs)
 */
export function planFile(
  file: PipelineFile,
  { parameters, trigger, policies = [] }: PlanValues,
): PlannedFile {
  const { pipeline, warnings, locate } = allowedPipeline(file, policies);
  const plan = compilePlan(pipeline, {
    parameters,
    trigger,
    defaultAgentImage,
    definitions: stageDefinitions,
  });
  return { file, parameters, pipeline, plan, policies, locate, warnings: warnings.map(formatDiagnostic) };
}
