import type { ComparedValues } from '../../ports/measurements.ts';
import { comparedMetrics, type ComparedMetric, type Comparison } from './settings.ts';

/**
 * What two values say: a small one is good whatever the old pods have, so that 0 against 0 and noise fail nothing; else it
 * is compared with that of the old pods. NaN is a share of no requests.
 * @example errorRate 0.004 passes; 0.03 against 0.025 passes (1.5 ×); 0.03 against 0.001 fails; 0.03 against none: no data
 */
export function judgeComparison(
  comparison: Comparison,
  { candidate, stable = NaN }: ComparedValues,
): 'passed' | 'failed' | 'noData' {
  const { ignoreBelow, maxRatio } = limitsOf(comparison);
  if (Number.isNaN(candidate)) return 'noData';
  if (candidate <= ignoreBelow) return 'passed';
  if (Number.isNaN(stable)) return 'noData';
  return candidate <= maxRatio * stable ? 'passed' : 'failed';
}

/** Both values for people: `error rate 12 % (stable 0.4 %)`. */
export function comparedText({ metric }: Comparison, { candidate, stable = NaN }: ComparedValues): string {
  return `${words[metric]} ${shown(metric, candidate)} (stable ${shown(metric, stable)})`;
}

/** What they are judged by: `wanted at most 1.5 × stable, or 1 %`. */
export function comparisonCriterion(comparison: Comparison): string {
  const { ignoreBelow, maxRatio } = limitsOf(comparison);
  const least = ignoreBelow > 0 ? `, or ${shown(comparison.metric, ignoreBelow)}` : '';
  return `wanted at most ${maxRatio === 1 ? '' : `${String(maxRatio)} × `}stable${least}`;
}

function limitsOf({ metric, maxRatio, ignoreBelow }: Comparison): { ignoreBelow: number; maxRatio: number } {
  const defaults = comparedMetrics[metric];
  return { ignoreBelow: ignoreBelow ?? defaults.ignoreBelow, maxRatio: maxRatio ?? defaults.maxRatio };
}

const words: Record<ComparedMetric, string> = {
  errorRate: 'error rate',
  p95: 'p95',
  restarts: 'restarts a pod',
  cpu: 'CPU a pod',
  memory: 'memory a pod',
};

const units: Record<ComparedMetric, { factor: number; unit: string }> = {
  errorRate: { factor: 100, unit: ' %' },
  p95: { factor: 1, unit: ' ms' },
  restarts: { factor: 1, unit: '' },
  cpu: { factor: 1, unit: ' cores' },
  memory: { factor: 1, unit: ' MiB' },
};

/** Three digits tell enough. */
function shown(metric: ComparedMetric, value: number): string {
  if (Number.isNaN(value)) return 'no data';
  const { factor, unit } = units[metric];
  return `${String(Number((value * factor).toPrecision(3)))}${unit}`;
}
