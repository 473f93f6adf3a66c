import { formatDiagnostic, type Diagnostic } from '../spec/diagnostic.ts';
import { pipelineJsonSchema } from '../spec/json-schema.ts';
import { requirePipeline } from '../spec/parse-pipeline.ts';
import { readPipelineFile } from './pipeline-file.ts';
import { stageKindsForReading } from './stage-kinds.ts';

/** What `pipeline validate` tells of a valid file. */
export interface Validation {
  file: string;
  pipeline: string;
  stages: number;
  warnings: readonly Diagnostic[];
}

/**
 * Checks a pipeline file; reaches no cluster.
 * @throws PipelineFileError with every error of the file
 */
export async function validateFile(file: string): Promise<Validation> {
  const { text } = await readPipelineFile(file);
  const { pipeline, warnings } = requirePipeline({ file, text, kinds: stageKindsForReading() });
  return {
    file,
    pipeline: pipeline.name,
    stages: pipeline.stages.length + pipeline.finally.length,
    warnings,
  };
}

/** The JSON Schema of the pipeline file, for editors. */
export function schemaOfFile(): object {
  return pipelineJsonSchema(stageKindsForReading());
}

export { formatDiagnostic };
