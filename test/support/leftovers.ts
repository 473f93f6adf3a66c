import { setTimeout as sleep } from 'node:timers/promises';

import type { Kubectl } from './kubectl.ts';
import { ourObjects } from './runner.ts';

/**
 * What a run that has ended must not leave in a namespace, as `kind/name`: pods that are not already ending, Secrets,
 * Leases that somebody holds, and records of runs that have not ended. The record of a run that has ended stays: it is
 * the history that `pipeline runs` lists (docs/agents.md).
 */
async function leftovers(admin: Kubectl, namespace: string): Promise<string[]> {
  const { items } = await admin.json<{
    items: { metadata: { name: string }; data?: { state?: string } }[];
  }>([
    ...['get', 'configmaps', '--namespace', namespace],
    ...['--selector', 'app.kubernetes.io/managed-by=slipway'],
  ]);
  const unfinished = items.filter(({ data }) => data?.state !== 'finished');
  return [
    ...(await ourObjects(admin, namespace)),
    ...unfinished.map(({ metadata, data }) => `ConfigMap/${metadata.name} (${data?.state ?? 'no state'})`),
  ];
}

/**
 * Waits until a namespace holds nothing of ours but the records of runs that have ended.
 * @throws Error that names what is still there after `timeoutMs`
 */
export async function expectNothingLeft(
  place: { admin: Kubectl; agents: string },
  timeoutMs = 60_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = await leftovers(place.admin, place.agents);
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`left behind in ${place.agents}: ${left.join(', ')}`);
    await sleep(300);
  }
}
