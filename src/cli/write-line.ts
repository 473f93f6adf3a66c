/**
 * Writes one line and waits until it has gone; a reader that went away (`| head -1`) is no error.
 * @throws Error when it cannot be written otherwise, e.g. to a full disk
 */
export function writeLine(stream: NodeJS.WritableStream, text: string): Promise<void> {
  // Without a listener the stream's own error would end the process; the callback below gets it too.
  if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    stream.write(`${text}\n`, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}
