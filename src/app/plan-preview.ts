import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../adapters/system/clock.ts';
import { createSourceRepository } from '../adapters/git/source-repository.ts';
import { InputError } from '../base/errors.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { evaluateStageInput } from '../plan/stage-input.ts';
import type { DeployInput } from '../stages/deploy/deploy-stage.ts';
import { planRelease, type ReleasePlan } from '../stages/deploy/plan-release.ts';
import type { Connection } from './connection.ts';
import { readPipelineFile } from './pipeline-file.ts';
import { planFile } from './run-pipeline.ts';
import { stageKindsForReading } from './stage-kinds.ts';

/** What `pipeline plan` is asked. */
export interface PreviewRequest {
  file: string;
  parameters: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  connection: Connection;
  signal: AbortSignal;
}

/** What a run would do. */
export interface Preview {
  plan: Plan;
  warnings: readonly string[];
  /** One for each deploy stage, by its node's name. */
  releases: readonly { stage: string; release: ReleasePlan }[];
}

/**
 * What a run would do, without doing it: its stages, and for each release what it would change, by a server-side dry
 * run. Manifests are read from the folder of the pipeline file, not from the checkout that the run would make.
 * @throws PipelineFileError, InputError, ClusterError
 */
export async function previewFile(request: PreviewRequest): Promise<Preview> {
  const file = await readPipelineFile(request.file);
  const { connection, signal } = request;
  const { plan, warnings } = planFile(file, { ...request, namespace: connection.namespace });
  const copy = await createSourceRepository().workingCopy(file.directory, { signal });
  const git =
    copy === undefined
      ? {}
      : { sha: copy.sha, shortSha: copy.sha.slice(0, 12), branch: copy.branch, tag: copy.tag };
  const releases = [];
  for (const node of plan.nodes.filter(({ kind }) => kind === 'deploy')) {
    const release = await previewRelease(node, { plan, git, directory: file.directory, connection, signal });
    releases.push({ stage: node.name, release });
  }
  return { plan, warnings, releases };
}

interface Surroundings {
  plan: Plan;
  git: Record<string, string>;
  directory: string;
  connection: Connection;
  signal: AbortSignal;
}

async function previewRelease(
  node: PlanNode,
  { plan, git, directory, connection, signal }: Surroundings,
): Promise<ReleasePlan> {
  const settings = await deploySettings(node, plan, git);
  const files = [];
  for (const pattern of [settings.manifests].flat()) {
    const found = [];
    for await (const name of glob(pattern, { cwd: directory })) found.push(name);
    if (found.length === 0) throw new InputError(`no file matches ${pattern} in ${directory}`);
    for (const name of found.sort())
      files.push({ path: name, text: await readFile(path.join(directory, name), 'utf8') });
  }
  const { cluster } = connection;
  const application = settings.application ?? plan.pipeline;
  const namespace = settings.namespace ?? plan.namespace;
  return planRelease({ cluster, clock: systemClock, files, settings, application, namespace }, { signal });
}

/** A deploy stage's settings, with what is not known before the run as empty text. */
export async function deploySettings(
  node: PlanNode,
  plan: Plan,
  git: Record<string, string>,
): Promise<DeployInput['deploy']> {
  const kind = stageKindsForReading().find(({ key }) => key === 'deploy');
  if (kind === undefined) throw new InputError('there is no kind of stage "deploy"');
  const outputs = Object.fromEntries(plan.nodes.map(({ stage }) => [stage, { outcome: '', outputs: {} }]));
  const { images: _images, ...known } = (node.input['deploy'] ?? {}) as Record<string, unknown>;
  const scope = { params: plan.parameters, trigger: plan.trigger, git, matrix: node.matrix, stages: outputs };
  const input = await evaluateStageInput(kind, { ...node.input, deploy: known }, scope);
  return (input as unknown as DeployInput).deploy;
}
