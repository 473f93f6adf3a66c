import { sameJson } from '../base/same-json.ts';
import { isWorkload, keyOf, podTemplateOf, referenceOf } from '../kubernetes/workload-objects.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { objectsOf } from './record/earlier-manifests.ts';
import type { ReleaseRecord } from './record/release-record.ts';
import type { ReleaseStore } from './record/release-store.ts';

/** Where a revision is looked for whose pods a release brings back. */
export interface RollbackWindow {
  /** Released revisions before the one that serves, the newest first. */
  revisions: number;
  record: ReleaseRecord;
  store: ReleaseStore;
}

/** The newest revision of the window with the pod templates of these objects; undefined when there is none. */
export async function sameInWindow(
  objects: readonly KubernetesObject[],
  { revisions, record, store }: RollbackWindow,
  options: CallOptions,
): Promise<number | undefined> {
  const { stable = 0, history } = record;
  const released = history.filter(({ outcome, number }) => outcome === 'released' && number < stable);
  const wanted = templatesOf(objects);
  for (const { number } of released.reverse().slice(0, revisions)) {
    if (sameJson(templatesOf(await objectsOf(number, store, options)), wanted)) return number;
  }
  return undefined;
}

function templatesOf(objects: readonly KubernetesObject[]): Record<string, unknown> {
  const workloads = objects.filter(isWorkload).map((each) => [keyOf(referenceOf(each)), podTemplateOf(each)]);
  return Object.fromEntries(workloads) as Record<string, unknown>;
}
