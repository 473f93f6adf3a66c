import { isFields } from '../base/fields.ts';
import { formatDiagnostic, type Diagnostic } from '../spec/diagnostic.ts';
import { pipelineJsonSchema } from '../spec/json-schema.ts';
import type { ValidPipeline } from '../spec/parse-pipeline.ts';
import type { PipelineStage } from '../spec/pipeline.ts';
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
  const { pipeline, warnings, locate } = allowedPipeline(read, policies);
  const pulls = pipeline.stages.some(pushesWithCredentials)
    ? await pullWarnings({ pipeline, locate }, read.directory)
    : [];
  return {
    file,
    pipeline: pipeline.name,
    stages: pipeline.stages.length + pipeline.finally.length,
    warnings: [...warnings, ...pulls].sort((a, b) => a.line - b.line || a.column - b.column),
    ...(policies.length === 0 ? {} : { policies: policies.map(({ name }) => name) }),
  };
}

function pushesWithCredentials({ input }: PipelineStage): boolean {
  return isFields(input['image']) && input['image']['credentials'] !== undefined;
}

/** Milliseconds for looking through manifests; those that are not seen by then are left to `plan`. */
const patienceMs = 10_000;

async function pullWarnings(
  valid: Pick<ValidPipeline, 'pipeline' | 'locate'>,
  directory: string,
): Promise<Diagnostic[]> {
  const { pullDiagnostics } = await import('./pulls/file-pulls.ts');
  const signal = AbortSignal.timeout(patienceMs);
  try {
    return await pullDiagnostics(valid, directory, { signal });
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}

/** The JSON Schema of the pipeline file, for editors. */
export function schemaOfFile(): object {
  return pipelineJsonSchema(stageDefinitions);
}

export { formatDiagnostic };
