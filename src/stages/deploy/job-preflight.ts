import { jobObject } from '../../analysis/job/job-object.ts';
import type { AnalysesByName } from '../../analysis/settings.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { ForbiddenError, RejectedError } from '../../ports/cluster-errors.ts';
import { PreflightError } from './preflight.ts';

/**
 * Asks the API whether it takes the Jobs of analyses, by a dry run: else each of their measurements would be an error, in
 * the middle of the release. What only the release brings (its namespace) is not asked about.
 * @throws PreflightError
 */
export async function assertJobsAccepted(
  analyses: AnalysesByName | undefined,
  { cluster, application, namespace }: { cluster: Cluster; application: string; namespace: string },
  options: CallOptions,
): Promise<void> {
  for (const [name, { job }] of Object.entries(analyses ?? {})) {
    if (job === undefined) continue;
    const measurement = { revision: 0, key: name, count: 1, candidate: 'new', stable: 'old' };
    const made = jobObject(job, { application, namespace, ...measurement }, undefined);
    try {
      await cluster.create(made, { ...options, dryRun: true });
    } catch (cause) {
      if (!(cause instanceof RejectedError) && !(cause instanceof ForbiddenError)) continue;
      const message = `deploy.analyses.${name}: its Job is refused: ${cause.message}; nothing was changed`;
      throw new PreflightError(message, { cause });
    }
  }
}
