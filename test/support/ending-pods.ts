import type { Kubectl } from './kubectl.ts';
import { waitFor } from './wait-for.ts';

/**
 * Waits until no pod of the namespace is ending any more. Old pods go on answering while they end: what is counted of
 * a Service's answers is counted to there.
 */
export async function endingPodsGone(admin: Kubectl, namespace: string): Promise<void> {
  await waitFor(
    `the ending pods of ${namespace} to be gone`,
    async () => {
      const { items } = await admin.json<{ items: { metadata: { deletionTimestamp?: string } }[] }>([
        ...['get', 'pods', '--namespace', namespace],
      ]);
      return items.every(({ metadata }) => metadata.deletionTimestamp === undefined) ? true : undefined;
    },
    { timeoutMs: 240_000, intervalMs: 1_000 },
  );
}
