import { describe, expect, it } from '@jest/globals';
import { pushTargets } from '../../../src/app/push-targets.ts';
import type { Plan, PlanNode } from '../../../src/plan/plan.ts';

const { signal } = new AbortController();

function planOf(
  ...images: { repository: string; credentials?: string; matrix?: Record<string, unknown>; when?: string }[]
) {
  const nodes = images.map(({ matrix = {}, when, ...image }) => ({
    ...{ kind: 'image', input: { image }, matrix, when },
  }));
  return { nodes: nodes as unknown as PlanNode[], parameters: { team: 'shop' }, trigger: {} } as Pick<
    Plan,
    'nodes' | 'parameters' | 'trigger'
  >;
}

const logins = { 'https://index.docker.io/v1/': { auth: Buffer.from('ada:pw').toString('base64') } };
const secrets = {
  read: async () => new Map([['.dockerconfigjson', Buffer.from(JSON.stringify({ auths: logins }))]]),
};

describe('the repositories that a run pushes to', () => {
  it('are those that parameters and the matrix name', async () => {
    const plan = planOf({
      repository: 'r.example.com/${{ params.team }}/${{ matrix.part }}',
      matrix: { part: 'web' },
    });

    await expect(pushTargets(plan, secrets, signal)).resolves.toEqual([
      { repository: 'r.example.com/shop/web' },
    ]);
  });

  it('leave out what only the run knows', async () => {
    const plan = planOf(
      { repository: 'r.example.com/${{ git.branch }}' },
      { repository: 'r.example.com/web' },
    );

    await expect(pushTargets(plan, secrets, signal)).resolves.toEqual([{ repository: 'r.example.com/web' }]);
  });

  it('leave out a stage that will not run', async () => {
    const plan = planOf({ repository: 'r.example.com/web', when: "params.team == 'other'" });

    await expect(pushTargets(plan, secrets, signal)).resolves.toEqual([]);
  });

  it('have their login by the host of a short name, too', async () => {
    const [target] = await pushTargets(
      planOf({ repository: 'ada/web', credentials: 'hub' }),
      secrets,
      signal,
    );

    await expect(target?.credentials?.()).resolves.toEqual({ username: 'ada', password: 'pw' });
  });
});
