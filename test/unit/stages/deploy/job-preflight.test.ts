import { describe, expect, it } from '@jest/globals';
import type { AnalysesByName } from '../../../../src/analysis/settings.ts';
import {
  ForbiddenError,
  NotFoundError,
  RejectedError,
  type ClusterError,
} from '../../../../src/ports/cluster-errors.ts';
import { assertJobsAccepted } from '../../../../src/stages/deploy/job-preflight.ts';
import { PreflightError } from '../../../../src/stages/deploy/preflight.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();
const template = { spec: { containers: [{ name: 'smoke', image: 'smoke:1' }] } };
const analyses: AnalysesByName = { errors: { http: { url: 'http://web/' } }, smoke: { job: { template } } };

function setUp(answer?: ClusterError) {
  const cluster = new FakeCluster();
  const asked: string[] = [];
  cluster.before = (verb, { kind }) => {
    asked.push(`${verb} ${kind}`);
    if (answer !== undefined) throw answer;
  };
  const ask = (of?: AnalysesByName) =>
    assertJobsAccepted(of, { cluster, application: 'web', namespace: 'shop' }, { signal });
  return { cluster, asked, ask };
}

describe('the Jobs of analyses before a release', () => {
  it('are tried, and not made', async () => {
    const { cluster, asked, ask } = setUp();

    await ask(analyses);
    await ask(undefined);

    expect(asked).toEqual(['create Job']);
    expect(cluster.all('Job')).toEqual([]);
  });

  it.each([new RejectedError('image: Required value'), new ForbiddenError('jobs.batch is forbidden')])(
    'end it when the API takes them not: %s',
    async (answer) => {
      const refused = setUp(answer).ask(analyses);

      await expect(refused).rejects.toBeInstanceOf(PreflightError);
      await expect(refused).rejects.toThrow(
        `deploy.analyses.smoke: its Job is refused: ${answer.message}; nothing was changed`,
      );
    },
  );

  it('are not asked about what the release brings', async () => {
    await setUp(new NotFoundError('namespaces "shop" not found')).ask(analyses);
  });
});
