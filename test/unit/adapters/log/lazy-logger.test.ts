import { describe, expect, it } from '@jest/globals';
import { createLazyLogger } from '../../../../src/adapters/log/lazy-logger.ts';
import { silentLogger } from '../../../../src/base/logger.ts';

function setUp() {
  const lines: string[] = [];
  const loading = Promise.withResolvers<undefined>();
  let loads = 0;
  const logger = createLazyLogger('warn', async () => {
    loads += 1;
    await loading.promise;
    return {
      ...silentLogger,
      warn: (message, fields) => void lines.push(`warn ${message} ${JSON.stringify(fields)}`),
      error: (message) => void lines.push(`error ${message}`),
    };
  });
  return { logger, lines, loading, loads: () => loads };
}

describe('a logger that is loaded by its first line', () => {
  it('is not loaded by lines that are not shown', () => {
    const { logger, loads } = setUp();

    logger.debug('detail');
    logger.info('progress');

    expect(loads()).toBe(0);
  });

  it('is loaded once, and writes all lines in their order', async () => {
    const { logger, lines, loading, loads } = setUp();

    logger.warn('first', { stage: 'build' });
    logger.error('second');
    loading.resolve(undefined);
    await new Promise(setImmediate);
    logger.warn('third');
    await new Promise(setImmediate);

    expect(loads()).toBe(1);
    expect(lines).toEqual(['warn first {"stage":"build"}', 'error second', 'warn third undefined']);
  });
});
