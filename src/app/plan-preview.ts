import { defined } from '../base/defined.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { createSourceRepository } from '../adapters/git/source-repository.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { withoutMigration } from '../stages/deploy/read-manifest-files.ts';
import { releaseTarget } from '../stages/deploy/release-target.ts';
import { planRelease, type ReleasePlan } from '../stages/deploy/plan-release.ts';
import { bindPlan } from './bind-plan.ts';
import type { Connection } from './connection.ts';
import { deploySettings } from './deploy-settings.ts';
import { readLocalManifests, readLocalMigration } from './local-manifests.ts';
import type { PlannedFile } from './plan-file.ts';
import { checkPulls, warningOfPull } from './pulls/check-pulls.ts';
import { objectGuard } from './policy-guards.ts';

/** What `pipeline plan` is asked. */
export interface PreviewRequest {
  planned: PlannedFile;
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
 * @throws InputError, ClusterError
 */
export async function previewFile(request: PreviewRequest): Promise<Preview> {
  const { connection, signal } = request;
  const { planned } = request;
  const { file } = planned;
  const plan = bindPlan(planned, connection);
  const copy = await createSourceRepository().workingCopy(file.directory, { signal });
  const git =
    copy === undefined
      ? {}
      : { sha: copy.sha, shortSha: copy.sha.slice(0, 12), branch: copy.branch, tag: copy.tag };
  const search = { directory: file.directory, git, signal };
  const pulls = await checkPulls(plan, connection, search);
  const warningsOf = (stage: string | undefined) =>
    pulls.filter((pull) => pull.stage === stage).flatMap((pull) => warningOfPull(pull) ?? []);
  const releases = [];
  for (const node of plan.nodes.filter(({ kind }) => kind === 'deploy')) {
    const release = await previewRelease(node, { plan, git, planned, connection, signal });
    const warnings = [...release.warnings, ...warningsOf(node.name)];
    releases.push({ stage: node.name, release: { ...release, warnings } });
  }
  return { plan, warnings: [...planned.warnings, ...warningsOf(undefined)], releases };
}

interface PreviewContext {
  plan: Plan;
  git: Record<string, string>;
  planned: PlannedFile;
  connection: Connection;
  signal: AbortSignal;
}

async function previewRelease(
  node: PlanNode,
  { plan, git, planned, connection, signal }: PreviewContext,
): Promise<ReleasePlan> {
  const settings = await deploySettings(node, plan, git);
  const { directory } = planned.file;
  const all = await readLocalManifests(directory, [settings.manifests].flat(), { signal });
  const migrationFiles = await readLocalMigration(directory, settings, { signal });
  const files = withoutMigration(all, migrationFiles ?? []);
  const { cluster } = connection;
  const target = releaseTarget(settings, plan);
  const admit = objectGuard(planned.policies);
  const elsewhere = plan.namespace;
  return planRelease(
    {
      ...{ cluster, clock: systemClock, files, settings, admit, elsewhere, ...target },
      ...defined({ migrationFiles }),
    },
    { signal },
  );
}
