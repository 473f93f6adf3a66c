/** Text on a terminal that is drawn over itself. */
export interface LiveText {
  /** Shows these lines in place of those before; what has no room is counted. */
  draw(lines: readonly string[]): void;
  /** Leaves what was drawn last; what is written from now on comes below it. */
  close(): void;
}

/**
 * Whether text can be drawn over. A terminal that does not know its size (made by a program, not by a window) would show
 * nothing of it.
 */
export function isLive({ isTTY, rows }: NodeJS.WriteStream): boolean {
  return isTTY && rows > 0;
}

/** Live text on a terminal. */
export async function liveText(terminal: NodeJS.WriteStream): Promise<LiveText> {
  const { createLiveText } = await import('../adapters/report/live-text.ts');
  return createLiveText(terminal);
}
