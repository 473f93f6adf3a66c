import { isFields, type Fields } from '../base/fields.ts';
import { isWorkload, keyOf, referenceOf } from '../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { Diagnostic } from '../spec/diagnostic.ts';
import type { ValidPipeline } from '../spec/parse-pipeline.ts';
import { fieldPathIn } from '../stages/deploy/field-path.ts';
import { migrationFaults, type MigrationFault } from '../stages/deploy/migration-faults.ts';
import { releaseWarnings } from '../stages/deploy/release-warnings.ts';
import { releaseTarget } from '../stages/deploy/release-target.ts';
import { chosenStrategy } from '../stages/deploy/settings.ts';
import { atDeployStages } from './deploy-stages.ts';
import { filePlanOf, type FilePlan } from './file-plan.ts';
import { isKnownFromFile } from './known-before-run.ts';
import {
  inNamespace,
  readStageManifests,
  type ManifestSearch,
  type StageManifests,
} from './stage-manifests.ts';
import { stagePaths } from './stage-paths.ts';

type Path = readonly (string | number)[];
type Node = FilePlan['nodes'][number];

/**
 * What the strategies of deploy stages cannot release of the manifests beside the file, and what of them can lose requests,
 * each at its place in them. What is missing in them may be made by the run, so that it is a warning, at the strategy.
 * Nothing is said where manifests are not there, or what decides is known only in a run.
 */
export async function manifestDiagnostics(
  { pipeline, locate }: Pick<ValidPipeline, 'pipeline' | 'locate'>,
  search: ManifestSearch,
): Promise<Diagnostic[]> {
  const plan = filePlanOf(pipeline);
  const paths = stagePaths(pipeline);
  const found = await atDeployStages(plan, async (node) => {
    const known = knownOf(node, plan);
    if (known === undefined) return [];
    const read = await readStageManifests(known, plan, search);
    const path = [...(paths.get(node.stage) ?? []), 'deploy'];
    return stageDiagnostics(read, { namespace: namespaceOf(node, known, { plan, read }), path, locate });
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

function stageDiagnostics(
  { settings, manifests, migration }: StageManifests,
  { namespace, path, locate }: StageContext,
): Diagnostic[] {
  const placed = manifests.map((manifest) => ({
    manifest,
    object: inNamespace(manifest.object, namespace),
  }));
  const objects = placed.map(({ object }) => object);
  if (namespace === '' && areInSeveral(objects)) return [];
  const manifestOf = (object: KubernetesObject) =>
    placed.find((each) => isSame(each.object, object))?.manifest;
  const { strategy, settings: chosen } = chosenStrategy(settings);
  const refusals = strategy.refuses?.(objects, chosen) ?? [];
  const refused = refusals.map(({ object, field = '', message, hint }): Diagnostic => {
    const finding = { code: 'strategy', message, hint };
    const manifest = object === undefined ? undefined : manifestOf(object);
    if (manifest === undefined) {
      const at = [...path, 'strategy', strategy.name];
      return locate({ ...finding, severity: 'warning', path: at, at: 'key' });
    }
    const at = fieldPathIn(`.${field}: `, manifest.object);
    return { ...finding, severity: 'error', path: at, ...manifest.placeOf(at) };
  });
  const migrates = settings.migrate === undefined ? [] : migrationFaults(migration, { objects, namespace });
  refused.push(...migrates.map((fault) => migrationDiagnostic(fault, { path, locate })));
  // As in a run: what cannot be released loses no request.
  if (refused.length > 0) return refused;
  const risks = releaseWarnings(strategy.prepare(objects, chosen), { holds: strategy.parts !== undefined });
  return risks.flatMap(({ object, path: at, message }): Diagnostic[] => {
    const place = manifestOf(object)?.placeOf(at);
    if (place === undefined) return [];
    return [{ code: 'lost-requests', severity: 'warning', path: at, message, ...place }];
  });
}

function migrationDiagnostic(
  { manifest, path: at, message, hint }: MigrationFault,
  { path, locate }: Pick<StageContext, 'path' | 'locate'>,
): Diagnostic {
  const finding = { code: 'migration', severity: 'error', message, hint } as const;
  if (manifest === undefined) return locate({ ...finding, path: [...path, 'migrate', 'job'] });
  return { ...finding, path: at, ...manifest.placeOf(at) };
}

function isSame(a: KubernetesObject, b: KubernetesObject): boolean {
  return keyOf(referenceOf(a)) === keyOf(referenceOf(b));
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
  const isEnough = ['manifests', 'migrate', 'strategy'].every((key) => key in deploy || !(key in written));
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
