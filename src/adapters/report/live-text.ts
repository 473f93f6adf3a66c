import { createLogUpdate } from 'log-update';
import { fitLines } from './fit-text.ts';

/** Lines on a terminal, drawn over those before when they have changed. */
export function createLiveText(terminal: NodeJS.WriteStream) {
  const draw = createLogUpdate(terminal);
  return {
    draw(lines: readonly string[]): void {
      draw(fitLines(lines, { columns: terminal.columns || 80, rows: terminal.rows || 24 }).join('\n'));
    },
    close(): void {
      draw.done();
    },
  };
}
