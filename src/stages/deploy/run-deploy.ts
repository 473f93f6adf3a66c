import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { StageContext, StageResult } from '../../ports/stage.ts';
import type { ReleaseResult } from '../../strategies/reconcile.ts';
import { ReleaseBusyError } from '../../strategies/release-lease.ts';
import { releaseObjects, type ReleaseRequest } from '../../strategies/release.ts';
import { ReleaseStore } from '../../strategies/release-store.ts';
import type { ReleaseReport } from '../../strategies/release-session.ts';
import { ensureNamespace } from './ensure-namespace.ts';
import { assertAccepted, PreflightError, rehearse } from './preflight.ts';
import { prepareRelease } from './prepare.ts';
import { readManifestFiles } from './read-manifest-files.ts';
import { pushedImages } from './set-images.ts';
import { durationOr, type DeploySettings } from './settings.ts';

const defaultTimeoutMs = 600_000;

/** What the stage works with. */
export interface DeployDependencies {
  cluster: Cluster;
  clock: Clock;
  /** For the last log lines of a container that fails. */
  pods: Pick<PodAccess, 'logs'>;
  /** Who releases, for the record: user and machine, or what the CI system says. */
  who: string;
}

/** Releases the manifests of the checkout; see {@link DeployDependencies}. */
export async function runDeploy(
  settings: DeploySettings,
  dependencies: DeployDependencies,
  context: StageContext,
): Promise<StageResult> {
  const { cluster, clock } = dependencies;
  const { signal } = context;
  const application = settings.application ?? context.run.pipeline;
  const namespace = settings.namespace ?? context.run.namespace;
  const report = reportTo(context, application);
  const source = {
    agent: await context.agent(),
    container: context.container,
    directory: context.workingDirectory,
  };
  const files = await readManifestFiles(source, [settings.manifests].flat(), { signal });
  const prepared = await prepareRelease(
    { files, settings, application, namespace, pushed: pushedImages(context.outputs) },
    cluster,
    { signal },
  );
  for (const warning of prepared.warnings) await report.notice('warning', warning);
  try {
    const stored = await new ReleaseStore(cluster, application, namespace).load({ signal });
    const rehearsal = {
      cluster,
      clock,
      force: settings.force ?? false,
      replicas: stored?.record.replicas ?? {},
    };
    assertAccepted(await rehearse(prepared, rehearsal, { signal }));
    const create = settings.createNamespace ?? false;
    const made = await ensureNamespace(namespace, { create, objects: prepared.objects, cluster }, { signal });
    if (made) await report.notice('info', `made namespace ${namespace}`);
    const request = { ...requestOf(settings, dependencies, context), objects: prepared.objects };
    const result = await releaseObjects(request, { ...dependencies, report }, { signal });
    return resultOf(result, application, namespace);
  } catch (error) {
    if (!(error instanceof PreflightError || error instanceof ReleaseBusyError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { outcome: 'failed', message: error.message, ...hint, outputs: {}, environment: {} };
  }
}

function requestOf(
  settings: DeploySettings,
  { who }: DeployDependencies,
  { run, stage }: StageContext,
): ReleaseRequest {
  return {
    application: settings.application ?? run.pipeline,
    namespace: settings.namespace ?? run.namespace,
    strategy: { name: 'rolling', restartLimit: settings.strategy?.rolling?.restartLimit ?? 1 },
    timeoutMs: durationOr(settings.timeout, defaultTimeoutMs),
    rollback: settings.rollback ?? 'auto',
    prune: settings.prune ?? false,
    force: settings.force ?? false,
    lockTimeoutMs: durationOr(settings.lockTimeout, defaultTimeoutMs),
    by: { runId: run.id, pipeline: run.pipeline, stage: stage.name, attempt: stage.attempt, who },
  };
}

/** Tells a release's progress as events of the stage. */
function reportTo(context: StageContext, application: string): ReleaseReport {
  const { stage } = context;
  return {
    progress: (phase, message, tracks) =>
      context.emit({ type: 'release.progress', stage: stage.name, application, phase, message, tracks }),
    notice: (level, message) => context.emit({ type: 'notice', stage: stage.name, level, message }),
  };
}

function resultOf(result: ReleaseResult, application: string, namespace: string): StageResult {
  const outputs = {
    application,
    namespace,
    revision: String(result.revision),
    ...(result.stable === undefined ? {} : { stable: String(result.stable) }),
  };
  if (result.outcome === 'released') return { outcome: 'succeeded', outputs, environment: {} };
  const words = result.lastWords === undefined ? '' : `; ${result.lastWords}`;
  const reason = `${result.reason ?? 'the release failed'}${words}`;
  const serving = result.stable === undefined ? '' : `; revision ${String(result.stable)} serves`;
  if (result.outcome === 'rolledBack') {
    const message = `revision ${String(result.revision)} was taken back${serving}: ${reason}`;
    return { outcome: 'rolledBack', message, outputs, environment: {} };
  }
  return {
    outcome: 'failed',
    message: reason,
    hint: `pipeline release status ${application} --namespace ${namespace} shows what is there`,
    outputs,
    environment: {},
  };
}
