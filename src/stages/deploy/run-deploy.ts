import { defined } from '../../base/defined.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { Leases } from '../../ports/leases.ts';
import type { Measurements } from '../../ports/measurements.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { StageContext, StageResult } from '../../ports/stage.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import { assertSelectable, ServiceSelectorError } from '../../release/act/service-selectors.ts';
import type { ReleaseResult } from '../../release/reconcile.ts';
import { ReleaseBusyError } from '../../release/release-lease.ts';
import { cancelRelease, releaseObjects, type ReleaseObjectsRequest } from '../../release/release.ts';
import { earlierManifests } from '../../release/record/earlier-manifests.ts';
import { defaultTimeoutMs } from '../../release/record/release-record.ts';
import type { ReleaseOrigin } from '../../release/record/revision-entry.ts';
import { ReleaseStore } from '../../release/record/release-store.ts';
import type { ReleaseReport } from '../../release/session.ts';
import { dryRunWarnings, warningCluster } from './api-warnings.ts';
import { withMigrationPods } from './dry-run-migration.ts';
import { ensureNamespace } from './ensure-namespace.ts';
import { assertAccepted, PreflightError, dryRunObjects } from './preflight.ts';
import { assertJobsAccepted } from './job-preflight.ts';
import { prepareRelease, type AdmitObjects, type PreparedRelease } from './prepare.ts';
import { migrationSuffix } from './prepare-migration.ts';
import { readManifestFiles, readMigrationFiles, withoutMigration } from './read-manifest-files.ts';
import { releaseTarget } from './release-target.ts';
import { pushedImages } from './set-images.ts';
import { chosenStrategy, durationOr, type DeploySettings } from './settings.ts';

/** What the stage works with. */
export interface DeployDependencies {
  cluster: Cluster;
  leases: Leases;
  clock: Clock;
  /** For the last log lines of a container that fails. */
  pods: Pick<PodAccess, 'logs'>;
  /** For the analyses of releases; missing: none can be taken. */
  measurements?: Measurements;
  /** Who releases, for the record: user and machine, or what the CI system says. */
  who: string;
  /** What `--cluster` named, for the commands of hints. */
  chosenCluster?: string;
  /** Missing: whatever the cluster takes. */
  admit?: AdmitObjects;
}

/** Releases the manifests of the checkout; see {@link DeployDependencies}. */
export async function runDeploy(
  settings: DeploySettings,
  dependencies: DeployDependencies,
  context: StageContext,
): Promise<StageResult> {
  const { cluster } = dependencies;
  const { signal } = context;
  const { application, namespace } = releaseTarget(settings, context.run);
  const report = reportTo(context, application);
  const source = {
    agent: await context.agent(),
    container: context.container,
    directory: context.workingDirectory,
  };
  const files = await readManifestFiles(source, [settings.manifests].flat(), { signal });
  const first = await readMigrationFiles(source, settings, { signal });
  const suffix = migrationSuffix(originOf(context, dependencies));
  const prepared = await prepareRelease(
    {
      files: withoutMigration(files, first ?? []),
      settings,
      application,
      namespace,
      pushed: pushedImages(context.outputs),
      ...(first === undefined ? {} : { migration: { files: first, suffix } }),
      ...defined({ admit: dependencies.admit }),
    },
    cluster,
    { signal },
  );
  for (const warning of prepared.warnings) await report.notice('warning', warning);
  try {
    const told = await rehearse(prepared, settings, dependencies, { context, report });
    await assertSelectable(prepared.objects, cluster, { signal });
    const create = settings.createNamespace ?? false;
    const made = await ensureNamespace(namespace, { create, objects: prepared.objects, cluster }, { signal });
    if (made) await report.notice('info', `created namespace ${namespace}`);
    const request = {
      ...requestOf(settings, dependencies, context),
      objects: prepared.objects,
      ...defined({ migration: prepared.migration }),
    };
    const result = await releaseObjects(request, { ...dependencies, cluster: told, report }, { signal });
    return resultOf(result, { application, namespace, ...defined({ cluster: dependencies.chosenCluster }) });
  } catch (error) {
    const isRefusal =
      error instanceof PreflightError ||
      error instanceof ServiceSelectorError ||
      error instanceof ReleaseBusyError;
    if (!isRefusal) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { outcome: 'failed', message: error.message, ...hint, outputs: {}, environment: {} };
  }
}

/**
 * Asks the API whether it takes every object, and reports what it warns of.
 * @returns the cluster for the release, which reports what else the API warns of then
 * @throws PreflightError
 */
async function rehearse(
  prepared: PreparedRelease,
  settings: DeploySettings,
  { cluster, clock }: DeployDependencies,
  { context, report }: { context: StageContext; report: ReleaseReport },
): Promise<Cluster> {
  const { signal, run } = context;
  const { application, namespace } = releaseTarget(settings, run);
  const store = new ReleaseStore(cluster, application, namespace);
  const record = (await store.load({ signal }))?.record;
  const dryRun = {
    cluster,
    clock,
    force: settings.force ?? false,
    elsewhere: run.namespace,
    replicas: record?.replicas ?? {},
    earlier: earlierManifests(prepared.objects, { store, record }, { signal }),
    onBeingDeleted: (live: KubernetesObject) =>
      report.notice('info', `waiting for ${nameOf(referenceOf(live))}, which is being deleted`),
  };
  const first = prepared.migration?.objects ?? [];
  const all = { ...prepared, objects: [...first, ...prepared.objects] };
  const asked = await dryRunObjects(all, dryRun, { signal });
  const results = await withMigrationPods({ results: asked, objects: first }, cluster, { signal });
  const warnings = dryRunWarnings(results, prepared);
  for (const { line } of warnings) await report.notice('warning', line);
  assertAccepted(results, prepared);
  await assertJobsAccepted(settings.analyses, { cluster, application, namespace }, { signal });
  return warningCluster(cluster, {
    shown: warnings.map(({ text }) => text),
    places: prepared,
    tell: (line) => void report.notice('warning', line).catch(() => undefined), // a notice ends no release
  });
}

/** Rolls back what the stage has begun to release, by whichever runner of its run, and has not ended. */
export function undoDeploy(
  settings: DeploySettings,
  dependencies: DeployDependencies,
  context: StageContext,
): Promise<void> {
  const request = requestOf(settings, dependencies, context);
  const report = reportTo(context, request.application);
  return cancelRelease(request, { ...dependencies, report }, { signal: context.signal });
}

function requestOf(
  settings: DeploySettings,
  dependencies: DeployDependencies,
  context: StageContext,
): Omit<ReleaseObjectsRequest, 'objects'> {
  const { strategy, settings: strategySettings } = chosenStrategy(settings);
  return {
    ...releaseTarget(settings, context.run),
    strategy: strategy.name,
    settings: {
      strategy: strategySettings,
      timeoutMs: durationOr(settings.timeout, defaultTimeoutMs),
      rollback: settings.rollback ?? 'auto',
      prune: settings.prune ?? false,
      force: settings.force ?? false,
      ...defined({ analyses: settings.analyses, rollbackWindow: settings.rollbackWindow }),
    },
    lockTimeoutMs: durationOr(settings.lockTimeout, defaultTimeoutMs),
    by: originOf(context, dependencies),
    owner: context.ownership,
  };
}

function originOf({ run, stage }: StageContext, { who }: DeployDependencies): ReleaseOrigin {
  return { runId: run.id, pipeline: run.pipeline, stage: stage.name, attempt: stage.attempt, who };
}

/** Reports a release's progress as events of the stage. */
function reportTo(context: StageContext, application: string): ReleaseReport {
  const { stage } = context;
  return {
    progress: (phase, message, tracks) =>
      context.emit({ type: 'release.progress', stage: stage.name, application, phase, message, tracks }),
    notice: (level, message, more) =>
      context.emit({ type: 'notice', stage: stage.name, level, message, ...more }),
  };
}

/** Where a release went. */
interface Place {
  application: string;
  namespace: string;
  cluster?: string;
}

function resultOf(result: ReleaseResult, { application, namespace, cluster }: Place): StageResult {
  const outputs = {
    application,
    namespace,
    revision: String(result.revision),
    ...(result.stable === undefined ? {} : { stable: String(result.stable) }),
  };
  if (result.outcome === 'released') return { outcome: 'succeeded', outputs, environment: {} };
  if (result.outcome === 'detached')
    return { outcome: 'detached', ...defined({ message: result.reason }), outputs, environment: {} };
  const log = result.logTail === undefined ? '' : `; ${result.logTail}`;
  const reason = `${result.reason ?? 'the release failed'}${log}`;
  const serving = result.stable === undefined ? '' : `; revision ${String(result.stable)} is serving`;
  if (result.outcome === 'rolledBack') {
    const message = `revision ${String(result.revision)} was rolled back${serving}: ${reason}`;
    return { outcome: 'rolledBack', message, outputs, environment: {} };
  }
  const chosen = cluster === undefined ? '' : ` --cluster ${cluster}`;
  return {
    outcome: 'failed',
    message: reason,
    hint: `pipeline release status ${application} --namespace ${namespace}${chosen} shows what is there`,
    outputs,
    environment: {},
  };
}
