import type { Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import { guardedCluster } from '../../release/guarded-cluster.ts';
import type { PreparedRelease } from './prepare.ts';
import type { DryRunResult } from './preflight.ts';

/** Where what a message names stands in the manifests. */
type Places = Pick<PreparedRelease, 'placeOf'>;

/**
 * What the API warns of when it is asked about objects, a line for each text, with the object that it was first said of:
 * the same is said of every object of a deprecated version.
 */
export function dryRunWarnings(
  results: readonly Pick<DryRunResult, 'object' | 'warnings'>[],
  places: Places,
): { text: string; line: string }[] {
  const objects = new Map<string, KubernetesObject[]>();
  for (const { object, warnings } of results)
    for (const text of warnings) objects.set(text, [...(objects.get(text) ?? []), object]);
  return [...objects].flatMap(([text, [first, ...others]]) => {
    if (first === undefined) return [];
    return [{ text, line: lineOf(first, { text, more: others.length, places }) }];
  });
}

/** The cluster, which tells each warning about an object that it writes, but for those that were shown before. */
export function warningCluster(
  cluster: Cluster,
  { shown, places, tell }: { shown: Iterable<string>; places: Places; tell: (line: string) => void },
): Cluster {
  const told = new Set(shown);
  return guardedCluster(cluster, (write, options) => {
    if (!('object' in write)) return options;
    const onWarning = (text: string) => {
      if (told.has(text)) return;
      told.add(text);
      tell(lineOf(write.object, { text, more: 0, places }));
    };
    return { ...options, onWarning };
  });
}

function lineOf(
  object: KubernetesObject,
  { text, more, places }: { text: string; more: number; places: Places },
): string {
  const place = places.placeOf(object, text);
  const others = more === 0 ? '' : ` and ${String(more)} more`;
  return `${place === undefined ? '' : `${place}: `}${nameOf(referenceOf(object))}${others}: ${text}`;
}
