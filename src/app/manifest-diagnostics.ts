import { isFields, type Fields } from '../base/fields.ts';
import { isWorkload } from '../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { Diagnostic } from '../spec/diagnostic.ts';
import type { ValidPipeline } from '../spec/parse-pipeline.ts';
import { fieldPathIn } from '../stages/deploy/field-path.ts';
import { releaseTarget } from '../stages/deploy/release-target.ts';
import { chosenStrategy } from '../stages/deploy/settings.ts';
import type { Refusal } from '../strategies/strategy.ts';
import { atDeployStages } from './deploy-stages.ts';
import { filePlanOf, type FilePlan } from './file-plan.ts';
import { isKnownFromFile } from './known-before-run.ts';
import { inNamespace, readStageManifests, type StageManifests } from './stage-manifests.ts';
import { stagePaths } from './stage-paths.ts';

type Path = readonly (string | number)[];
type Node = FilePlan['nodes'][number];

/**
 * What the strategies of deploy stages cannot release of the manifests beside the file, each at its place in them. What
 * is missing in them may be made by the run, so that it is a warning, at the strategy. Nothing is said where
 * manifests are not there, or what decides is known only in a run.
 */
export async function manifestDiagnostics(
  { pipeline, locate }: Pick<ValidPipeline, 'pipeline' | 'locate'>,
  directory: string,
  { signal }: { signal: AbortSignal },
): Promise<Diagnostic[]> {
  const plan = filePlanOf(pipeline);
  const paths = stagePaths(pipeline);
  const found = await atDeployStages(plan, async (node) => {
    const known = knownOf(node, plan);
    if (known === undefined) return [];
    const read = await readStageManifests(known, plan, { directory, signal });
    const path = [...(paths.get(node.stage) ?? []), 'deploy'];
    return refusalDiagnostics(read, { namespace: namespaceOf(node, known, { plan, read }), path, locate });
  });
  // Stages may release the same manifests.
  return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
}

interface StageContext extends Pick<ValidPipeline, 'locate'> {
  /** Empty: it is not known yet. */
  namespace: string;
  /** Of the stage's `deploy`. */
  path: Path;
}

function refusalDiagnostics(
  { settings, manifests }: StageManifests,
  { namespace, path, locate }: StageContext,
): Diagnostic[] {
  const objects = manifests.map(({ object }) => inNamespace(object, namespace));
  if (namespace === '' && areInSeveral(objects)) return [];
  const chosen = chosenStrategy(settings);
  const refusals = chosen.strategy.refuses?.(objects, chosen.settings) ?? [];
  return refusals.map(({ object, field = '', message, hint }: Refusal): Diagnostic => {
    const finding = { code: 'strategy', message, hint };
    const manifest = manifests.find((_, index) => objects[index] === object);
    if (manifest === undefined) {
      const at = [...path, 'strategy', chosen.strategy.name];
      return locate({ ...finding, severity: 'warning', path: at, at: 'key' });
    }
    const at = fieldPathIn(`.${field}: `, manifest.object);
    return { ...finding, severity: 'error', path: at, ...manifest.placeOf(at) };
  });
}

/** Whether some pods or Services name a namespace and others do not, so that it is not known which belong together. */
function areInSeveral(objects: readonly KubernetesObject[]): boolean {
  const near = objects.filter((object) => isWorkload(object) || object.kind === 'Service');
  const named = near.filter(({ metadata }) => metadata.namespace !== undefined);
  return named.length > 0 && named.length < near.length;
}

/** A stage without what the file does not tell; undefined where that decides what is released and how. */
function knownOf(node: Node, { parameters }: FilePlan): Node | undefined {
  const written = deployOf(node);
  const known = Object.entries(written).filter(([, value]) => isKnownFromFile(value, parameters));
  const deploy = Object.fromEntries(known);
  const isEnough = ['manifests', 'strategy'].every((key) => key in deploy || !(key in written));
  return isEnough ? { ...node, input: { ...node.input, deploy } } : undefined;
}

function namespaceOf(
  node: Node,
  known: Node,
  { plan, read }: { plan: FilePlan; read: StageManifests },
): string {
  if ('namespace' in deployOf(node) && !('namespace' in deployOf(known))) return '';
  const run = { pipeline: plan.pipeline, namespace: plan.namespace ?? '' };
  return releaseTarget(read.settings, run).namespace;
}

function deployOf({ input }: Node): Fields {
  return isFields(input['deploy']) ? input['deploy'] : {};
}
