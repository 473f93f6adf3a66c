/** Facts that go with a log line; never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Slipway's own log, for those who run it. The message is constant; what varies is in the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Drops all messages. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
