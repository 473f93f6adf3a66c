import winston from 'winston';
import type { Logger } from '../../base/logger.ts';
import type { Masker } from '../../base/mask.ts';
import { terminalJson, terminalLines } from '../../base/terminal-text.ts';

/** Options of {@link createWinstonLogger}. */
export interface WinstonLoggerOptions {
  level: 'debug' | 'info' | 'warn' | 'error';
  /** `json` writes an object a line. */
  format: 'text' | 'json';
  /** Takes secrets out of every line. */
  masker: Masker;
}

/** Logs to stderr, so that stdout holds results alone. */
export function createWinstonLogger(options: WinstonLoggerOptions): Logger {
  const { combine, timestamp, json, printf } = winston.format;
  const text = printf(({ timestamp: time, level, message, ...fields }) => {
    const shown = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return [String(time), level, String(message), ...shown].join(' ');
  });
  const line = combine(timestamp(), options.format === 'json' ? json() : text);
  const harmless = options.format === 'json' ? terminalJson : terminalLines;
  const masked = winston.format((info) => {
    const rendered = info[Symbol.for('message')];
    if (typeof rendered === 'string') info[Symbol.for('message')] = harmless(options.masker.text(rendered));
    return info;
  });
  const console = new winston.transports.Console({ stderrLevels: ['debug', 'info', 'warn', 'error'] });
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston declares its transports as interfaces
  return winston.createLogger({ level: options.level, format: combine(line, masked()), transports: console });
}
