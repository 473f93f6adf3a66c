import type { Sample } from '../../analysis/sample.ts';

/** What analyses have measured, by `MOMENT: ANALYSIS`. */
type Samples = Record<string, Sample[]>;

/** Samples of an analysis that are kept when its moment is over. */
const mostKept = 10;

/**
 * Bytes of the samples that are kept of one release: a ConfigMap takes 1 MiB, and the record has ten revisions with the
 * settings of their analyses.
 */
const mostBytes = 16 * 1024;

/** What is kept of a release's samples when it is over: the last ones, fewer of each when there are many. */
export function keptSamples(samples: Samples): Samples {
  for (let count = mostKept; count > 1; count = Math.floor(count / 2)) {
    const last = lastOf(samples, count);
    if (isSmall(last)) return last;
  }
  let entries = Object.entries(lastOf(samples, 1));
  // The newest are the last ones.
  while (!isSmall(Object.fromEntries(entries))) entries = entries.slice(1);
  return Object.fromEntries(entries);
}

/**
 * The samples of a release with one more. Of this moment all are kept, since they are counted, but only the last ones
 * with their text; of earlier moments what is kept when the release is over.
 */
export function withSample(samples: Samples, key: string, taken: Sample): Samples {
  const isNow = (other: string) => momentOf(other) === momentOf(key);
  const entries = Object.entries(samples);
  const earlier = keptSamples(Object.fromEntries(entries.filter(([other]) => !isNow(other))));
  // In the order in which they began.
  const all = entries.flatMap(([other, each]) => {
    const left = isNow(other) ? each : earlier[other];
    return left === undefined ? [] : [[other, left] as const];
  });
  const now = [...(samples[key] ?? []), taken].map(withoutOldText);
  return { ...Object.fromEntries(all), [key]: now };
}

function withoutOldText(sample: Sample, index: number, { length }: Sample[]): Sample {
  return index < length - mostKept ? { ...sample, text: '' } : sample;
}

/** Names of analyses have no colon. */
function momentOf(key: string): string {
  return key.slice(0, key.lastIndexOf(':'));
}

function lastOf(samples: Samples, count: number): Samples {
  return Object.fromEntries(Object.entries(samples).map(([key, all]) => [key, all.slice(-count)]));
}

function isSmall(samples: Samples): boolean {
  return new TextEncoder().encode(JSON.stringify(samples)).length <= mostBytes;
}
