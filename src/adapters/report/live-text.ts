import { createLogUpdate } from 'log-update';
import { fitLines } from './fit-text.ts';

/** Lines on a terminal, drawn over those before when they have changed. */
export function createLiveText(terminal: NodeJS.WriteStream) {
  const drawing = drawOver(terminal);
  return {
    draw(lines: readonly string[]): void {
      drawing.draw(fitLines(lines, { columns: terminal.columns || 80, rows: terminal.rows || 24 }));
    },
    close(): void {
      drawing.done();
    },
  };
}

/**
 * Draws lines over those before. log-update (7.2) writes only what has changed, and takes what follows a line that has
 * come or gone for drawn where it is to be: with another number of lines all are erased first.
 */
export function drawOver(terminal: NodeJS.WriteStream) {
  const update = createLogUpdate(terminal);
  let drawn = 0;
  return {
    draw(lines: readonly string[]): void {
      if (drawn !== lines.length) update.clear();
      drawn = lines.length;
      update(lines.join('\n'));
    },
    /** Leaves what was drawn last. */
    done(): void {
      update.done();
    },
  };
}
