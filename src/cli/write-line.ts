import { terminalJson, terminalLines } from '../base/terminal-text.ts';

/**
 * Writes text for people and waits until it has gone; what others wrote in it cannot steer the terminal.
 * @throws Error when it cannot be written, e.g. to a full disk
 */
export function writeLine(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return write(stream, terminalLines(text));
}

/** Writes a value as JSON for machines, on one line unless `indent` is given. @throws Error as {@link writeLine} */
export function writeJson(stream: NodeJS.WritableStream, value: unknown, indent?: number): Promise<void> {
  return write(stream, terminalJson(JSON.stringify(value, null, indent)));
}

/**
 * Writes one line and waits until it has gone; a reader that went away (`| head -1`) is no error.
 * @throws Error when it cannot be written otherwise, e.g. to a full disk
 */
function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  // Without a listener the stream's own error would end the process; the callback below gets it too.
  if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    stream.write(`${text}\n`, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}
