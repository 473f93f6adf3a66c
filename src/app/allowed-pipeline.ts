import { checkPipeline, type Refusal } from '../policy/check.ts';
import type { Policy } from '../policy/policy.ts';
import { PipelineFileError } from '../spec/diagnostic.ts';
import { requirePipeline, type ValidPipeline } from '../spec/parse-pipeline.ts';
import type { PipelineFile } from './pipeline-file.ts';
import { policyContext } from './policies.ts';
import { stageDefinitions } from './stage-definitions.ts';

/**
 * Reads a file as a pipeline that policies allow, as far as that is known without parameters and cluster.
 * @throws PipelineFileError
 */
export function allowedPipeline(file: PipelineFile, policies: readonly Policy[]): ValidPipeline {
  const valid = requirePipeline({ file: file.file, text: file.text, definitions: stageDefinitions });
  if (policies.length === 0) return valid;
  assertNoRefusal(checkPipeline(valid.pipeline, policies, policyContext(file.directory)), valid);
  return valid;
}

/** @throws PipelineFileError that tells all refusals in the order of the file */
export function assertNoRefusal(
  refusals: readonly Refusal[],
  { locate }: Pick<ValidPipeline, 'locate'>,
): void {
  if (refusals.length === 0) return;
  const found = refusals.map((refusal) => locate(refusal));
  throw new PipelineFileError(found.sort((a, b) => a.line - b.line || a.column - b.column));
}
