import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RolloutFields } from '../../../../src/kubernetes/rollout-fields.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { blueGreen } from '../../../../src/strategies/blue-green/blue-green.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import type { CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import { forecast, type ForecastStep } from '../../../../src/strategies/forecast/forecast.ts';
import type { Strategy } from '../../../../src/strategies/strategy.ts';

const own: RolloutFields = { maxSurge: 1, maxUnavailable: 0 };
const deployment = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
  spec: { strategy: { type: 'RollingUpdate', rollingUpdate: own } },
} as unknown as Workload;
const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' } },
  spec: { selector: { app: 'web' } },
};
const analyses = { errors: { http: { url: 'http://web/' } } };

function forecastOf(
  strategy: unknown,
  settings: object,
  replicas = 4,
  more: { rollbackOf?: number } = {},
): ForecastStep[] {
  const services = { deployment, service, previewName: 'web-preview' };
  const isRouted = strategy === canary && 'traffic' in settings;
  const routed = { ...services, router: { kind: 'HTTPRoute', name: 'web' } as const };
  const parts = isRouted ? routed : strategy === blueGreen ? services : { deployment };
  const numbers = { revision: 7, stable: 6, replicas };
  return forecast({
    strategy: strategy as Strategy,
    settings,
    parts,
    fields: own,
    analyses,
    ...numbers,
    ...more,
  });
}

const lines = (steps: readonly ForecastStep[]) =>
  steps.map(({ stable, candidate, weight, message }) =>
    `${String(stable)}/${String(candidate)} ${String(weight)} % ${message}`.trim(),
  );

describe('the forecast of a canary release', () => {
  it('has the pods and the weight of each step, with its pauses and analyses', () => {
    const steps: CanarySettings['steps'] = [
      { weight: 25 },
      { pause: '5m' },
      { weight: 50 },
      { analysis: 'errors' },
      { pause: true },
    ];
    expect(lines(forecastOf(canary, { steps }))).toEqual([
      '4/0 0 %',
      '4/1 20 % applying revision 7: 1 of 4 pods (25 %) start beside the old ones',
      '3/1 25 % moving to 1 of 4 pods (25 %)',
      '3/1 25 % step 2 of 5: pause 5m',
      '3/2 40 % starting 2 of 4 pods (50 %)',
      '2/2 50 % moving to 2 of 4 pods (50 %)',
      '2/2 50 % step 4 of 5: analysis errors',
      '2/2 50 % step 5 of 5: pause until promote',
      '2/3 60 % completing the rollout of web with the pods of new',
      '1/3 75 % completing the rollout of web with the pods of new',
      '1/4 80 % completing the rollout of web with the pods of new',
      '0/4 100 % completing the rollout of web with the pods of new',
    ]);
  });

  it('has the weights of a router, and all old pods beside the new ones', () => {
    const steps: CanarySettings['steps'] = [{ weight: 10 }, { pause: '5m' }, { weight: 75 }, { weight: 50 }];
    const traffic = { httpRoute: { name: 'web' } };
    expect(lines(forecastOf(canary, { steps, traffic }))).toEqual([
      '4/0 0 %',
      '4/0 0 % pinning Service web to the pods that serve',
      '4/2 0 % applying revision 7: 2 new pods for 10 % of the traffic start beside the old ones',
      '4/2 0 % web-preview has the new pods',
      '4/2 10 % HTTPRoute web sends 10 % of the traffic to the new pods',
      '4/2 10 % step 2 of 4: pause 5m',
      '4/3 10 % starting 3 new pods for 75 % of the traffic',
      '4/3 75 % HTTPRoute web sends 75 % of the traffic to the new pods',
      '4/3 50 % HTTPRoute web sends 50 % of the traffic to the new pods',
      '4/4 50 % starting 4 new pods for 100 % of the traffic',
      '4/4 100 % HTTPRoute web sends 100 % of the traffic to the new pods',
      '4/4 100 % Service web selects the new pods',
      '4/4 100 % HTTPRoute web sends all traffic to web',
      '4/4 100 % the new pods serve; the old ones stay for 30.0s',
      '0/4 100 % completing the rollout of web with the pods of new',
      '0/4 100 % unpinning web',
    ]);
  });

  it('waits for nothing where the pods of an earlier revision come back', () => {
    const steps: CanarySettings['steps'] = [
      { weight: 25 },
      { pause: '5m' },
      { analysis: 'errors' },
      { pause: true },
    ];

    const messages = lines(forecastOf(canary, { steps }, 4, { rollbackOf: 3 }));

    expect(messages).toContain('3/1 25 % moving to 1 of 4 pods (25 %)');
    expect(messages.join()).not.toMatch(/step \d of/);
  });

  it('comes through the same pods as a release against the simulated cluster of the properties', () => {
    const steps: CanarySettings['steps'] = [
      { replicas: 1 },
      { pause: '20s' },
      { weight: 67 },
      { pause: '20s' },
    ];
    const shares = forecastOf(canary, { steps }, 3).map(
      ({ stable, candidate }) => `${String(stable)}/${String(candidate)}`,
    );
    // As canary-properties.test.ts has it.
    expect([...new Set(shares)]).toEqual(['3/0', '3/1', '2/1', '2/2', '1/2', '1/3', '0/3']);
  });

  it('never has fewer pods than there shall be, and ends with the new ones alone', () => {
    const weights = fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 2, max: 30 }), (all, replicas) => {
        const rising = [...all].sort((a, b) => a - b);
        const steps = rising.flatMap((weight) => [{ weight }, { pause: true as const }]);
        const seen = forecastOf(canary, { steps }, replicas);
        expect(seen.at(-1)).toMatchObject({ stable: 0, candidate: replicas, weight: 100 });
        for (const { stable, candidate } of seen) expect(stable + candidate).toBeGreaterThanOrEqual(replicas);
        const pauses = seen.filter(({ message }) => message.endsWith('pause until promote'));
        expect(pauses).toHaveLength(rising.length);
        for (const { stable, candidate } of pauses) expect(stable + candidate).toBe(replicas);
      }),
    );
  });
});

describe('the forecast of a blue/green release', () => {
  it('shows the traffic as it moves, and who is waited for', () => {
    const settings = { autoPromote: false, prePromotion: 'errors', scaleDownDelay: '1m' };
    expect(lines(forecastOf(blueGreen, settings))).toEqual([
      '4/0 0 %',
      '4/0 0 % pinning Service web to the pods that serve',
      '4/4 0 % applying revision 7 beside the pods that serve',
      '4/4 0 % analysis errors',
      '4/4 0 % the new pods are ready behind web-preview; waiting for promote or abort',
      '4/4 100 % moving the traffic of web to the new pods',
      '4/4 100 % the new pods serve; the old ones stay for 1m00s',
      '0/4 100 % completing the rollout of web with the pods of new',
      '0/4 100 % unpinning web',
    ]);
  });
});

it('is the begin alone where nothing can be held', () => {
  expect(forecastOf(canary, {}, 1)).toHaveLength(1);
  expect(forecastOf(canary, {}, 0)).toHaveLength(1);
});
