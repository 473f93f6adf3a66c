import { defined } from '../../base/defined.ts';
import { sameJson } from '../../base/same-json.ts';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import { prunable } from '../../release/act/clean-up.ts';
import { selectorRefusals } from '../../release/act/service-selectors.ts';
import { earlierManifests } from '../../release/record/earlier-manifests.ts';
import { nextRevision, type ReleaseRecord } from '../../release/record/release-record.ts';
import { sameInWindow } from '../../release/rollback-window.ts';
import { ReleaseStore } from '../../release/record/release-store.ts';
import { rolloutFieldsOf } from '../../kubernetes/rollout-fields.ts';
import { isWorkload, referenceOf } from '../../kubernetes/workload-objects.ts';
import { forecast, type ForecastStep } from '../../strategies/forecast/forecast.ts';
import { dryRunWarnings } from './api-warnings.ts';
import { difference, type FieldChange } from './difference.ts';
import { withMigrationPods } from './dry-run-migration.ts';
import type { ManifestFile } from './parse-manifests.ts';
import { dryRunObjects, type DryRunResult } from './preflight.ts';
import { plannedSuffix } from './prepare-migration.ts';
import { assertJobsAccepted } from './job-preflight.ts';
import { prepareRelease, type AdmitObjects } from './prepare.ts';
import type { PushedImage } from './set-images.ts';
import { chosenStrategy, type DeploySettings } from './settings.ts';

/** What a release would do with one object. */
export interface ObjectChange {
  reference: ObjectReference;
  /** `refused`: the API would not take it, or the release would not begin because of it. */
  change: 'created' | 'changed' | 'unchanged' | 'pruned' | 'refused';
  /** For `changed`; the values of Secrets are hidden. */
  fields: readonly FieldChange[];
  /** Why it is refused. */
  reason?: string;
  /** No dry run could tell whether the API takes it: its kind, its namespace or what it refers to comes with the release. */
  unchecked?: boolean;
  /** Where in the manifests what is refused stands: `k8s/web.yaml:14`. */
  location?: string;
}

/** What a release would do. */
export interface ReleasePlan {
  application: string;
  namespace: string;
  /** The revision that serves now. */
  stable?: number;
  objects: readonly ObjectChange[];
  /** What the strategy will do, in order. */
  steps: readonly string[];
  /** The pods of both tracks as a release that holds its Deployment comes through; empty where it holds none. */
  forecast: readonly ForecastStep[];
  /** What a person should know: of the manifests, and what the API warns of. */
  warnings: readonly string[];
}

/** What a plan is made from. */
export interface PlanRequest {
  cluster: Cluster;
  clock: Clock;
  files: readonly ManifestFile[];
  settings: DeploySettings;
  /** What `deploy.migrate` names; missing: there is no migration. */
  migrationFiles?: readonly ManifestFile[];
  application: string;
  namespace: string;
  /** Where the run works: it is there, though the namespace of the release may not be yet. */
  elsewhere: string;
  /** Images that the run would deploy, where they are known. */
  pushed?: readonly PushedImage[];
  admit?: AdmitObjects;
}

/**
 * Finds what a release would change, by a server-side dry run of every object; changes nothing.
 * @throws InputError when the manifests are wrong
 */
export async function planRelease(request: PlanRequest, options: CallOptions): Promise<ReleasePlan> {
  const { cluster, settings, application, namespace } = request;
  const { migrationFiles } = request;
  const migration = migrationFiles && { files: migrationFiles, suffix: plannedSuffix };
  const prepared = await prepareRelease(
    { ...request, pushed: request.pushed ?? [], ...defined({ migration }) },
    cluster,
    options,
  );
  const store = new ReleaseStore(cluster, application, namespace);
  const record = (await store.load(options))?.record;
  const stable = record?.stable;
  const replicas = record?.replicas ?? {};
  const earlier = earlierManifests(prepared.objects, { store, record }, options);
  const first = prepared.migration?.objects ?? [];
  const asked = await dryRunObjects(
    { ...prepared, objects: [...first, ...prepared.objects] },
    { ...request, force: settings.force ?? false, replicas, earlier },
    options,
  );
  const results = await withMigrationPods({ results: asked, objects: first }, cluster, options);
  await assertJobsAccepted(settings.analyses, { cluster, application, namespace }, options);
  const refusals = await selectorRefusals(prepared.objects, cluster, options);
  const objects = results.map((result): ObjectChange => {
    const refusal = refusals.find(({ service }) => service === result.object);
    const change = changeOf(refusal === undefined ? result : { ...result, error: refusal.error });
    const location = change.reason === undefined ? undefined : prepared.placeOf(result.object, change.reason);
    return { ...change, ...defined({ location }) };
  });
  if (settings.prune === true && record !== undefined)
    objects.push(...(await prunedObjects(record, prepared.objects, cluster, options)));
  const window = { revisions: settings.rollbackWindow ?? 0, store };
  const sameAs =
    record === undefined ? undefined : await sameInWindow(prepared.objects, { ...window, record }, options);
  return {
    application,
    namespace,
    ...defined({ stable }),
    objects,
    steps: plannedSteps(settings, stable),
    forecast:
      record === undefined
        ? []
        : forecastOf(settings, { record, ...defined({ sameAs }) }, results.slice(first.length)),
    warnings: [...prepared.warnings, ...dryRunWarnings(results, prepared).map(({ line }) => line)],
  };
}

/** What earlier revisions had, these objects are not, and is still there. */
async function prunedObjects(
  record: ReleaseRecord,
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<ObjectChange[]> {
  const pruned: ObjectChange[] = [];
  for (const reference of prunable(record, { objects: objects.map(referenceOf) })) {
    const live = await cluster.get(reference, options);
    if (live !== undefined) pruned.push({ reference, change: 'pruned', fields: [] });
  }
  return pruned;
}

function plannedSteps(settings: DeploySettings, stable: number | undefined): string[] {
  const { strategy, settings: chosen } = chosenStrategy(settings);
  const steps = strategy.steps({ rollback: settings.rollback ?? 'auto', ...defined({ stable }) }, chosen);
  const { migrate } = settings;
  if (migrate === undefined) return steps;
  const step = `run the Job of ${migrate.job} until it is complete, for ${migrate.timeout ?? '10m'} at most; if it fails, end with nothing changed`;
  return [step, ...steps];
}

/** How the release would come through, where its Deployment is there and gets another pod template. */
function forecastOf(
  deploy: DeploySettings,
  { record, sameAs }: { record: ReleaseRecord; sameAs?: number },
  results: readonly DryRunResult[],
): readonly ForecastStep[] {
  const { strategy, settings } = chosenStrategy(deploy);
  const parts = strategy.parts?.(
    results.map(({ object }) => object),
    settings,
  );
  const { stable } = record;
  const { live, after } = results.find(({ object }) => object === parts?.deployment) ?? {};
  if (parts === undefined || stable === undefined || live === undefined || after === undefined) return [];
  if (!isWorkload(live) || !isWorkload(after) || sameJson(live.spec.template, after.spec.template)) return [];
  const { replicas = 1 } = live.spec;
  const fields = rolloutFieldsOf(live);
  const numbers = { revision: nextRevision(record), stable, replicas };
  const { analyses } = deploy;
  const steps = forecast({
    strategy,
    settings,
    parts,
    fields,
    ...numbers,
    ...defined({ analyses, rollbackOf: sameAs }),
  });
  return steps.length > 1 ? steps : [];
}

function changeOf({ object, live, after, error }: DryRunResult): ObjectChange {
  const reference = referenceOf(object);
  if (error !== undefined) return { reference, change: 'refused', fields: [], reason: reasonOf(error) };
  if (live === undefined) {
    const unchecked = after === undefined ? true : undefined;
    return { reference, change: 'created', fields: [], ...defined({ unchecked }) };
  }
  const fields = difference(live, after ?? object);
  return { reference, change: fields.length === 0 ? 'unchanged' : 'changed', fields };
}

function reasonOf(error: unknown): string {
  const hint = error instanceof SlipwayError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}; ${hint}`;
}
