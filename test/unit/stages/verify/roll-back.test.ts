import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import { releaseObjects } from '../../../../src/release/release.ts';
import type { VerifySettings } from '../../../../src/stages/verify/settings.ts';
import { verifyStage } from '../../../../src/stages/verify/verify-stage.ts';
import { requestOf, webObjects, World } from '../../release/release-world.ts';

const { signal } = new AbortController();
let world: World;
let events: RunEvent[];

beforeEach(() => {
  world = new World((image) => (image.includes('bad') ? 'crash' : 'ready'));
  events = [];
});
afterEach(() => {
  world.close();
});

const release = (image: string, runId: string) =>
  releaseObjects(requestOf(webObjects(image), runId), world, { signal });

const image = () =>
  world.cluster.peek<Workload>({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' })
    ?.spec.template?.spec.containers[0]?.image;

/** Verifies, after a deploy stage of the run that released a revision, what no request passes. */
function verify(
  {
    onFailure,
    runId = 'run-2',
    attempt = 1,
  }: Pick<VerifySettings, 'onFailure'> & { runId?: string; attempt?: number },
  revision = '2',
) {
  const { cluster, leases, clock } = world;
  const pods = {
    logs: () => Promise.reject(new Error('not asked for')),
    connect: () => Promise.reject(new Error('no pod answers')),
  };
  const rollBack = { cluster, leases, clock, pods, who: 'test' };
  const outputs = { deploy: { application: 'web', namespace: 'shop', revision } };
  const context: Partial<StageContext> = {
    run: { id: runId, pipeline: 'web', namespace: 'shop' },
    stage: { name: 'smoke', attempt },
    ownership: { fence: 1, confirm: () => Promise.resolve() },
    outputs: { build: { revision: 'abc' }, ...outputs },
    emit: async (event: RunEvent) => void events.push(event),
    clock,
    signal,
  };
  const http = { url: 'http://web.shop/' };
  const stage = verifyStage({ cluster, pods, rollBack });
  return stage.run({ verify: { http, ...(onFailure && { onFailure }) } }, context as StageContext);
}

describe('a verification that fails', () => {
  it('rolls back what the run released, where it is asked to', async () => {
    await release('v1', 'run-1');
    await release('v2', 'run-2');

    const result = await verify({ onFailure: 'rollback' });

    expect(result).toMatchObject({ outcome: 'rolledBack' });
    expect(result.message).toMatch(/; revision 2 of web was rolled back; revision 1 is serving$/);
    expect(image()).toBe('v1');
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'release.progress', stage: 'smoke', application: 'web' }),
    );
  });

  it('says the same again when its runner died after the rollback', async () => {
    await release('v1', 'run-1');
    await release('v2', 'run-2');
    const first = await verify({ onFailure: 'rollback' });

    expect(await verify({ onFailure: 'rollback' })).toEqual(first);
    expect(image()).toBe('v1');
  });

  it('leaves the new version and says how to roll back, where it is not asked to', async () => {
    await release('v1', 'run-1');
    await release('v2', 'run-2');

    const result = await verify({});

    expect(result).toMatchObject({
      outcome: 'failed',
      hint: expect.stringContaining('pipeline release rollback web --namespace shop'),
    });
    expect(image()).toBe('v2');
  });

  it.each([
    ['it was the first release', () => release('v1', 'run-2'), '1', 'v1'],
    [
      'another run has released since',
      async () => {
        for (const [index, version] of ['v1', 'v2', 'v3'].entries())
          await release(version, `run-${String(index + 1)}`);
      },
      '2',
      'v3',
    ],
    [
      'the outputs are not those of a deploy of this run',
      async () => {
        for (const [index, version] of ['v1', 'v2'].entries())
          await release(version, `other-${String(index)}`);
      },
      '2',
      'v2',
    ],
    ['nothing was released before it', () => release('v1', 'run-1'), 'none', 'v1'],
  ])('rolls nothing back when %s', async (_, prepare, revision, expected) => {
    await prepare();

    const result = await verify({ onFailure: 'rollback' }, revision);

    expect(result.outcome).toBe('failed');
    expect(result.message).toMatch(/first release|is serving by now|this run did not|no stage before/);
    expect(image()).toBe(expected);
  });
});
