import { describe, expect, it } from '@jest/globals';
import type { Sample } from '../../../../src/analysis/sample.ts';
import { keptSamples, withSample } from '../../../../src/release/record/samples.ts';

/** Samples with a number as their text. */
function samplesOf(count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    ...({ verdict: 'passed', text: `[${String(index + 1)}]`, atMs: index } as const),
  }));
}

const next: Sample = { verdict: 'failed', text: 'new', atMs: 5 };
const textsOf = (samples: readonly Sample[]) => samples.map(({ text }) => text);
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe('one more sample', () => {
  it('comes after those of its analysis and moment, and leaves the others alone', () => {
    const samples = { 'step 1: a': samplesOf(1), 'step 2: a': samplesOf(2), 'step 2: b': samplesOf(3) };
    expect(withSample(samples, 'step 2: a', next)).toEqual({
      ...samples,
      'step 2: a': [...samplesOf(2), next],
    });
    expect(withSample(samples, 'step 3: a', next)).toEqual({ ...samples, 'step 3: a': [next] });
  });

  it('keeps all of its moment, which are counted, and the texts of the last ten', () => {
    const all = withSample({ 'step 1: a': samplesOf(99), 'step 1: b': samplesOf(50) }, 'step 1: a', next);
    expect(all['step 1: b']).toEqual(samplesOf(50));
    expect(all['step 1: a']!.map(({ verdict, atMs }) => `${verdict} ${String(atMs)}`)).toEqual([
      ...samplesOf(99).map(({ verdict, atMs }) => `${verdict} ${String(atMs)}`),
      'failed 5',
    ]);
    expect(textsOf(all['step 1: a']!.slice(0, 90)).join('')).toBe('');
    expect(textsOf(all['step 1: a']!.slice(90))).toEqual([...textsOf(samplesOf(99)).slice(90), 'new']);
  });

  it('leaves ten of each analysis of earlier moments', () => {
    const all = withSample({ 'step 1: a': samplesOf(12), 'step 10: a': samplesOf(12) }, 'step 10: b', next);
    expect(textsOf(all['step 1: a']!)).toEqual(textsOf(samplesOf(12)).slice(2));
    expect(all['step 10: a']).toHaveLength(12);
  });
});

it('leaves ten of earlier analyses, however much this moment has', () => {
  const long = samplesOf(10).map((sample) => ({ ...sample, text: 'x'.repeat(200) }));
  const now = Object.fromEntries(Array.from('bcdefghi', (name) => [`step 2: ${name}`, long]));
  expect(withSample({ 'step 1: a': samplesOf(12), ...now }, 'step 2: a', next)['step 1: a']).toHaveLength(10);
});

describe('the samples of a release that is over', () => {
  /** The longest that there are, for so many steps of five analyses. */
  const long = (steps: number) =>
    Object.fromEntries(
      Array.from({ length: steps * 5 }, (_, index) => [
        `step ${String(Math.floor(index / 5) + 1)}: ${String(index % 5)}`,
        samplesOf(100).map((sample) => ({ ...sample, text: '€'.repeat(200) })),
      ]),
    );

  it('are the last ten of each analysis', () => {
    expect(keptSamples({ 'step 1: a': samplesOf(3), 'step 2: a': samplesOf(11) })).toEqual({
      'step 1: a': samplesOf(3),
      'step 2: a': samplesOf(11).slice(1),
    });
  });

  it('are fewer of each when they are long, then those of the last moments', () => {
    expect(Object.values(keptSamples(long(2))).map(({ length }) => length)).toEqual(Array(10).fill(2));
    const many = keptSamples(long(20));
    expect(Object.values(many).every(({ length }) => length === 1)).toBe(true);
    expect(Object.keys(many).at(-1)).toBe('step 20: 4');
    expect(bytesOf(many)).toBeLessThanOrEqual(16 * 1024);
    expect(bytesOf(many)).toBeGreaterThan(15 * 1024);
  });

  it('and those of one that is measured leave the record far below the 1 MiB of a ConfigMap', () => {
    let samples: Record<string, Sample[]> = {};
    for (let step = 1; step <= 10; step += 1)
      for (let count = 1; count <= 100; count += 1)
        for (let analysis = 1; analysis <= 5; analysis += 1)
          samples = withSample(samples, `step ${String(step)}: errors-${String(analysis)}`, {
            ...{ verdict: 'inconclusive', text: 'x'.repeat(202), atMs: 1234567.890123 },
          });
    expect(bytesOf(samples)).toBeLessThan(80 * 1024);
  });
});
