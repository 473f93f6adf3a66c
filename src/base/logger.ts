/** Facts that go with a log line; never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What Slipway says about its own working, for whoever runs it. The message is constant; what varies stands in the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
