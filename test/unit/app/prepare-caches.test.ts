import { describe, expect, it } from '@jest/globals';
import { prepareCaches } from '../../../src/app/prepare-caches.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { ConflictError } from '../../../src/ports/cluster-errors.ts';
import type { Cluster } from '../../../src/ports/cluster.ts';

interface Situation {
  agent?: object;
  input?: object;
  sandbox?: boolean;
  policies?: number;
  /** Claims that are there. */
  there?: string[];
  isRaced?: boolean;
}

async function prepare(situation: Situation) {
  const {
    agent = {},
    input = { cache: { key: 'k', paths: ['x'] } },
    sandbox = true,
    policies = 0,
  } = situation;
  const made: unknown[] = [];
  const warnings: string[] = [];
  const cluster = {
    get: async ({ name }: { name: string }) => (situation.there?.includes(name) === true ? {} : undefined),
    create: async (object: { metadata: object }) => {
      if (situation.isRaced === true) throw new ConflictError('it is there');
      made.push(object.metadata);
    },
  } as unknown as Cluster;
  const plan = {
    namespace: 'ci',
    agents: { main: agent },
    nodes: [{ kind: 'run', input }],
  } as unknown as Plan;
  const prepared = await prepareCaches(plan, {
    connection: { cluster, sandbox },
    policies: Array.from({ length: policies }, () => ({}) as Policy),
    logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    signal: new AbortController().signal,
  });
  return { claim: prepared.agents['main']?.cacheClaim, made, warned: warnings.length };
}

const volumes = (name: string) => ({ podTemplate: { spec: { volumes: [{ name, nfs: {} }] } } });

describe('caches', () => {
  it.each<[string, Situation, { claim?: string; made?: string; warned?: true }]>([
    ['are kept by a claim of the sandbox’s', {}, { claim: 'slipway-cache', made: 'slipway-cache' }],
    ['are kept by it in the next run', { there: ['slipway-cache'] }, { claim: 'slipway-cache' }],
    ['may be made by two runs at once', { isRaced: true }, { claim: 'slipway-cache' }],
    [
      'are kept by the file’s claim, which the sandbox makes',
      { agent: { cacheClaim: 'own' } },
      { claim: 'own', made: 'own' },
    ],
    ['need no claim where no stage has one', { input: {} }, {}],
    ['get no claim that a policy was not asked for', { policies: 1 }, { warned: true }],
    ['are kept by a volume of the template', { agent: volumes('cache') }, {}],
    ['are not kept by another volume', { sandbox: false, agent: volumes('other') }, { warned: true }],
    ['end with the run on a cluster', { sandbox: false }, { warned: true }],
    [
      'are kept by the file’s claim on a cluster, which makes it',
      { sandbox: false, agent: { cacheClaim: 'own' } },
      { claim: 'own' },
    ],
  ])('%s', async (_name, situation, { claim, made, warned = false }) => {
    expect(await prepare(situation)).toEqual({
      claim,
      made: made === undefined ? [] : [{ name: made, namespace: 'ci' }],
      warned: warned ? 1 : 0,
    });
  });
});
