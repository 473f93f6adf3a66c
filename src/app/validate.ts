import { isFields } from '../base/fields.ts';
import { formatDiagnostic, PipelineFileError, type Diagnostic } from '../spec/diagnostic.ts';
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
 * Checks a pipeline file, and with it the manifests that lie beside it; reaches no cluster.
 * @throws PipelineFileError with every error, PolicyFileError
 */
export async function validateFile(file: string, policyFiles: readonly string[]): Promise<Validation> {
  const read = await readPipelineFile(file);
  const policies = await readPolicies(policyFiles, read.directory);
  const valid = allowedPipeline(read, policies);
  const { pipeline, warnings } = valid;
  const diagnostics = inOrder(file, [...warnings, ...(await lateFindings(valid, read.directory))]);
  if (diagnostics.some(({ severity }) => severity === 'error')) throw new PipelineFileError(diagnostics);
  return {
    file,
    pipeline: pipeline.name,
    stages: pipeline.stages.length + pipeline.finally.length,
    warnings: diagnostics,
    ...(policies.length === 0 ? {} : { policies: policies.map(({ name }) => name) }),
  };
}

/** The pipeline file's first, then those of each manifest file. */
function inOrder(file: string, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = [file, ...diagnostics.map((each) => each.file).sort()];
  const rank = (each: Diagnostic) => files.indexOf(each.file);
  return [...diagnostics].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}

/** Milliseconds for looking through manifests; those that are not seen by then are left to `plan`. */
const patienceMs = 10_000;

async function lateFindings(valid: ValidPipeline, directory: string): Promise<Diagnostic[]> {
  const { stages, finally: last } = valid.pipeline;
  const releases = [...stages, ...last].some(({ kind }) => kind === 'deploy');
  const found: Diagnostic[] = [];
  const search = { directory, signal: AbortSignal.timeout(patienceMs), read: new Map() };
  try {
    if (releases) {
      const { unusedAnalyses } = await import('./unused-analyses.ts');
      found.push(...unusedAnalyses(valid));
      const { pauseDiagnostics } = await import('./planned-pauses.ts');
      found.push(...(await pauseDiagnostics(valid)));
      const { manifestDiagnostics } = await import('./manifest-diagnostics.ts');
      found.push(...(await manifestDiagnostics(valid, search)));
    }
    if (stages.some(pushesWithCredentials)) {
      const { pullDiagnostics } = await import('./pulls/file-pulls.ts');
      found.push(...(await pullDiagnostics(valid, search)));
    }
  } catch (error) {
    if (!search.signal.aborted) throw error;
  }
  return found;
}

function pushesWithCredentials({ input }: PipelineStage): boolean {
  return isFields(input['image']) && input['image']['credentials'] !== undefined;
}

/** The JSON Schema of the pipeline file, for editors. */
export function schemaOfFile(): object {
  return pipelineJsonSchema(stageDefinitions);
}

export { formatDiagnostic };
