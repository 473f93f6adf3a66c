import * as z from '../../../src/base/zod.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { reconcile } from '../../../src/release/reconcile.ts';
import type { ReleaseRecord, ReleaseSettings } from '../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../src/release/record/release-store.ts';
import { ReleaseSession, type ReleasePorts } from '../../../src/release/session.ts';
import { StrategyRegistry } from '../../../src/strategies/registry.ts';
import { rolling } from '../../../src/strategies/rolling/rolling.ts';
import type { Action, Decision, Observes, Strategy } from '../../../src/strategies/strategy.ts';
import { referenceOf } from '../../../src/kubernetes/workload-objects.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { FakeCluster } from '../../fakes/cluster.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { entry, inProgress } from './record/records.ts';

const { signal } = new AbortController();

/** One look of a scripted strategy at its release. */
interface Look {
  atMs: number;
  phase: string;
  /** Milliseconds that the phase has taken. */
  phaseMs: number;
  observed: 'seen' | 'unknown';
}

/** What a test says of a release. */
interface Script {
  /** In this order; the last one again and again. */
  decisions: readonly Decision[];
  observes?: Observes;
  /** What else the strategy does; its way back begins in `undoing`, once. */
  strategy?: Partial<Strategy>;
  record?: Partial<ReleaseRecord>;
  settings?: Partial<ReleaseSettings>;
  /** The objects of each revision, from 1. */
  revisions?: readonly (readonly KubernetesObject[])[];
  ports?: Partial<ReleasePorts>;
}

/** The end of a release. */
export const released: Decision = { type: 'done', outcome: 'released' };

/** To do this, and be in phase `acted` after it. */
export function act(action: Action, phase = 'acted'): Decision {
  return { type: 'act', action, next: { phase }, message: `to ${action.type}` };
}

/** To wait so long. */
export function wait(forMs: number, message = 'waiting'): Decision {
  return { type: 'wait', forMs, message };
}

/** Revision 2 of `web` in progress, with revision 1 to go back to, by a strategy whose decisions the test gives. */
export async function scriptedRelease(script: Script) {
  const { decisions, observes = {}, record = {}, revisions = [[], []] } = script;
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const looks: Look[] = [];
  const told: string[] = [];
  const strategy: Strategy = {
    name: 'scripted',
    settings: z.object({}),
    state: z.object({ phase: z.string() }),
    prepare: (objects) => [...objects],
    begin: () => ({ phase: 'begun' }),
    observes: () => observes,
    decide({ state: { phase }, phaseMs, observed }) {
      looks.push({ atMs: clock.monotonicMs(), phase, phaseMs, observed: observed.type });
      return decisions[Math.min(looks.length, decisions.length) - 1]!;
    },
    rollBack: ({ phase }) => (phase === 'undoing' ? undefined : { phase: 'undoing' }),
    finishesAlone: () => false,
    steps: () => [],
    ...script.strategy,
  };
  const settings: ReleaseSettings = {
    ...{ strategy: {}, timeoutMs: 60_000, rollback: 'auto', prune: false, force: false },
    ...script.settings,
  };
  const store = new ReleaseStore(cluster, 'web', 'shop');
  const made = await store.loadOrCreate({ signal });
  const own = { strategy: 'scripted', settings };
  const [before = [], now = []] = revisions.map((objects) => objects.map(referenceOf));
  const history = [
    entry(1, { ...own, objects: before }),
    entry(2, { ...own, objects: now, outcome: 'unfinished' }),
  ];
  const inWork = { ...made.record, history, stable: 1, current: inProgress(2, 1), ...record };
  const stored = await store.save(made, inWork, { signal });
  for (const [index, objects] of revisions.entries())
    await store.saveRevision(index + 1, objects, { signal, owner: stored.uid });
  const ports: ReleasePorts = {
    ...{
      cluster,
      clock,
      leases: leasesOn(cluster, clock),
      strategies: new StrategyRegistry([strategy, rolling]),
    },
    report: {
      progress: async (phase, message) => void told.push(`${phase}: ${message}`),
      notice: async (level, message) => void told.push(`${level}: ${message}`),
    },
    ...script.ports,
  };
  const session = new ReleaseSession(ports, {
    ...{ application: 'web', namespace: 'shop', holder: 'test', store, stored },
  });
  cluster.calls.length = 0;
  /** When the record was written, in milliseconds since the start. */
  const writes: number[] = [];
  const begunMs = clock.monotonicMs();
  cluster.after = (_verb, { kind, name }) => {
    if (kind === 'ConfigMap' && name === 'slipway-release-web') writes.push(clock.monotonicMs() - begunMs);
  };
  return {
    ...{ cluster, clock, session, store, looks, told, writes },
    /** What is in the cluster. */
    stored: async () => (await store.load({ signal }))?.record,
    run: async (options = { signal }) => {
      try {
        return await clock.unlessStopped(reconcile(session, options));
      } finally {
        await session.close();
      }
    },
  };
}
