/** Writes one line and waits until it has gone; a reader that went away (`| head -1`) is no error. */
export function writeLine(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(`${text}\n`, () => resolve()));
}
