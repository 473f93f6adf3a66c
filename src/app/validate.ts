import { formatDiagnostic, type Diagnostic } from '../spec/diagnostic.ts';
import { pipelineJsonSchema } from '../spec/json-schema.ts';
import { allowedPipeline } from './allowed-pipeline.ts';
import { readPipelineFile } from './pipeline-file.ts';
import { readPolicies } from './policies.ts';
import { stageDefinitions } from './stage-definitions.ts';

/** What `pipeline validate` shows of a valid file. */
export interface Validation {
  file: string;
  pipeline: string;
  stages: number;
  warnings: readonly Diagnostic[];
  /** Names of the policies that allow it; missing without one. */
  policies?: readonly string[];
}

/**
 * Checks a pipeline file; reaches no cluster.
 * @throws PipelineFileError with every error of the file, PolicyFileError
 */
export async function validateFile(file: string, policyFiles: readonly string[]): Promise<Validation> {
  const read = await readPipelineFile(file);
  const policies = await readPolicies(policyFiles, read.directory);
  const { pipeline, warnings } = allowedPipeline(read, policies);
  return {
    file,
    pipeline: pipeline.name,
    stages: pipeline.stages.length + pipeline.finally.length,
    warnings,
    ...(policies.length === 0 ? {} : { policies: policies.map(({ name }) => name) }),
  };
}

/** The JSON Schema of the pipeline file, for editors. */
export function schemaOfFile(): object {
  return pipelineJsonSchema(stageDefinitions);
}

export { formatDiagnostic };
