import type { ClusterChoice, Connection } from '../app/connection.ts';
import { cancelOnSignals } from './cancellation.ts';
import { clusterChoice } from './cluster-options.ts';

/** Runs a command's work with a connection to the cluster that its options name, and a signal that ends on Ctrl-C. */
export async function withCluster<T>(
  args: Record<string, unknown>,
  work: (connection: Connection, signal: AbortSignal) => Promise<T>,
  choice: ClusterChoice = clusterChoice(args),
): Promise<T> {
  const { withConnection } = await import('../app/with-connection.ts');
  const { signal, dispose } = cancelOnSignals('ending');
  try {
    return await withConnection(choice, { debug: args['debug'] === true, signal }, (connection) =>
      work(connection, signal),
    );
  } finally {
    dispose();
  }
}
