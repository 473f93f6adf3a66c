import fc from 'fast-check';
import type { Answer } from '../../../../src/kubernetes/hold-mark.ts';
import type { BlueGreenSettings } from '../../../../src/strategies/blue-green/settings.ts';
import type { CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import type { PodBehaviour } from '../../../fakes/deployment-controller.ts';
import { behaviours, faultsAt } from '../release-courses.ts';
import { traffic } from '../routed-world.ts';
import type { Happening, StandWord } from './happenings.ts';
import type { Trouble } from './troubled-runner.ts';

/** A kind of releases: a strategy as pipelines name it, or a canary whose traffic an HTTPRoute shares out. */
export type StrategyName = 'rolling' | 'blueGreen' | 'canary' | 'routedCanary';

/** The kinds of releases that histories are made of. */
export const strategyNames: readonly StrategyName[] = ['rolling', 'blueGreen', 'canary', 'routedCanary'];

/** A runner that resumes the release while another one may still be at it. */
export interface Second {
  /** Virtual milliseconds after which it begins. */
  afterMs: number;
  /** It has resumed the run: the first one, where it looks, learns that it owns the run no more. */
  ownsRun: boolean;
  trouble: Trouble;
}

/** All that befalls one release of v2 over v1. */
export interface ReleaseHistory {
  strategy: StrategyName;
  settings: Record<string, unknown>;
  /** How the pods of v2 behave. */
  candidate: PodBehaviour;
  /** What befalls its runners, one after another; one more, without trouble, ends what they leave. */
  runners: readonly Trouble[];
  second: Second | undefined;
  happenings: readonly Happening[];
  /** Of what the controllers do next, and when. */
  seed: number;
}

const settings: Record<StrategyName, fc.Arbitrary<Record<string, unknown>>> = {
  rolling: fc.constant({}),
  blueGreen: fc.constantFrom<BlueGreenSettings>(
    { scaleDownDelay: '2s' },
    { scaleDownDelay: '0s' },
    { scaleDownDelay: '10s', autoPromote: false },
    { scaleDownDelay: '2s', autoPromote: { after: '5s' } },
  ),
  canary: fc
    .constantFrom<NonNullable<CanarySettings['steps']>>(
      [{ replicas: 1 }, { pause: '5s' }],
      [{ replicas: 1 }, { pause: '5s' }, { weight: 67 }, { pause: '5s' }],
      [{ weight: 33 }, { pause: true }, { weight: 67 }, { pause: '2s' }],
      [{ weight: 33 }, { replicas: 2 }, { weight: 100 }, { pause: '5s' }],
      [{ weight: 100 }],
    )
    .map((steps) => ({ steps })),
  routedCanary: fc
    .constantFrom<NonNullable<CanarySettings['steps']>>(
      [{ weight: 10 }, { pause: '5s' }, { weight: 50 }, { pause: '5s' }],
      [{ replicas: 1 }, { pause: '2s' }, { weight: 67 }, { pause: true }, { weight: 34 }, { pause: '2s' }],
      [{ weight: 33 }, { pause: true }, { weight: 100 }, { pause: '2s' }],
      [{ weight: 100 }],
    )
    .map((steps) => ({ steps, traffic })),
};

/** Calls to the API that a release makes, nearly: where faults and others' writes are to meet it. */
const callsOf: Record<StrategyName, number> = { rolling: 80, blueGreen: 450, canary: 350, routedCanary: 700 };

function troubleOf(strategy: StrategyName): fc.Arbitrary<Trouble> {
  const call = fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: callsOf[strategy] }));
  const rarely = { maxLength: 2, size: 'small' } as const;
  return fc.record({
    faults: faultsAt(call),
    frozenAt: fc.array(call, rarely),
    watchFaults: fc.array(
      fc.record({ at: fc.nat({ max: 40 }), type: fc.constantFrom('breaks' as const, 'late' as const) }),
      rarely,
    ),
    cuts: fc.array(fc.record({ atMs: fc.nat({ max: 30_000 }), forMs: fc.nat({ max: 40_000 }) }), {
      maxLength: 1,
    }),
    abortMs: fc.option(fc.nat({ max: 40_000 }), { nil: undefined, freq: 5 }),
  });
}

function happeningsOf(strategy: StrategyName): fc.Arbitrary<Happening[]> {
  const when = fc.oneof(
    fc.record({ call: fc.nat({ max: callsOf[strategy] }) }),
    fc.record({ afterMs: fc.nat({ max: 40_000 }) }),
  );
  const scale = fc.record({
    when,
    type: fc.constant('scale' as const),
    replicas: fc.integer({ min: 2, max: 8 }),
  });
  const answer = fc.record({
    when,
    type: fc.constant('answer' as const),
    answer: fc.constantFrom<Answer['answer']>('promote', 'promote', 'promoteFull', 'abort'),
  });
  const foreign = fc.record({
    when,
    type: fc.constantFrom(
      'setImage' as const,
      'undo' as const,
      'resume' as const,
      'unmark' as const,
      'select' as const,
      ...(strategy === 'routedCanary' ? (['reroute'] as const) : []),
    ),
  });
  const stand = fc.record({
    when: fc.record({ afterMs: fc.nat({ max: 12_000 }) }),
    type: fc.constant('stand' as const),
    word: fc.constantFrom<StandWord>('pause', 'unpause', 'detach'),
  });
  const some = (...kinds: fc.Arbitrary<Happening>[]) => fc.array(fc.oneof(...kinds), { maxLength: 3 });
  return fc.oneof(
    some(answer),
    some(answer, scale),
    fc.array(stand, { minLength: 1, maxLength: 3 }),
    fc.array(fc.oneof(stand, stand, answer, scale), { minLength: 1, maxLength: 4 }),
    some(scale),
    some(answer, scale, stand, foreign),
    some(foreign),
  );
}

/** The histories of a strategy. */
export function historiesOf(strategy: StrategyName): fc.Arbitrary<ReleaseHistory> {
  return fc.record({
    strategy: fc.constant(strategy),
    settings: settings[strategy],
    candidate: behaviours,
    runners: fc.array(troubleOf(strategy), { maxLength: 3 }),
    second: fc.option(
      fc.record({
        afterMs: fc.nat({ max: 40_000 }),
        ownsRun: fc.boolean(),
        trouble: troubleOf(strategy),
      }),
      { nil: undefined, freq: 2 },
    ),
    happenings: happeningsOf(strategy),
    seed: fc.nat(),
  });
}
