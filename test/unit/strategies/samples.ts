import type { Sample } from '../../../src/analysis/sample.ts';
import type { AnalysesByName } from '../../../src/analysis/settings.ts';
import type { DecisionInput } from '../../../src/strategies/strategy.ts';

/** Two analyses of two measurements each, ten seconds apart. */
const settings: AnalysesByName = {
  smoke: { http: { url: 'http://web/' }, count: 2 },
  errors: { prometheus: { address: 'http://prometheus:9090', query: 'errors' }, success: 'true', count: 2 },
};

/** What has been measured so far: verdicts by key, each taken at the phase's begin. */
export function measured(verdicts: Record<string, Sample['verdict'][]> = {}): DecisionInput['analyses'] {
  const samples = Object.entries(verdicts).map(([key, all]) => [
    key,
    all.map((verdict): Sample => ({ verdict, text: `it ${verdict}`, atMs: 0 })),
  ]);
  return { settings, samples: Object.fromEntries(samples) as Record<string, Sample[]> };
}
