import { createLazyLogger } from '../adapters/log/lazy-logger.ts';
import { Masker } from '../base/mask.ts';
import { connectCluster, type ClusterChoice, type Connection } from './connection.ts';

/** A user waits for the answer: an API that does not answer is an error soon. Milliseconds. */
const retryBudgetMs = 10_000;

/** Connects for one command and disconnects after it, whatever happens. */
export async function withConnection<T>(
  choice: ClusterChoice,
  options: { debug: boolean; signal: AbortSignal },
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const level = options.debug ? 'debug' : 'warn';
  const logger = createLazyLogger(level, async () => {
    const { createWinstonLogger } = await import('../adapters/log/winston-logger.ts');
    return createWinstonLogger({ level, format: 'text', masker: new Masker() });
  });
  const connection = await connectCluster(choice, { logger, retryBudgetMs, signal: options.signal });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
