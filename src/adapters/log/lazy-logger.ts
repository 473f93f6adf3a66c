import type { Logger, LogFields } from '../../base/logger.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

/**
 * A logger that is loaded by its first line: most runs log nothing, and loading a logger takes a part of their start
 * that can be felt. Lines keep their order.
 * @param least lines below this level load nothing
 */
export function createLazyLogger(least: Level, load: () => Promise<Logger>): Logger {
  let last: Promise<Logger> | undefined;
  const logAt =
    (level: Level) =>
    (message: string, fields?: LogFields): void => {
      if (levels.indexOf(level) < levels.indexOf(least)) return;
      last = (last ?? load()).then((logger) => {
        logger[level](message, fields);
        return logger;
      });
    };
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
}
