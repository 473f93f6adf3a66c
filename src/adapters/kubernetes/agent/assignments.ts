const assignment = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/;

/**
 * Reads the `NAME=value` lines of $SLIPWAY_OUTPUT and $SLIPWAY_ENV; the last one of a name wins. A value of several
 * lines is written as `NAME<<WORD`, the lines, `WORD`. Other lines are left out.
 */
export function parseAssignments(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const block = /^([A-Za-z_][A-Za-z0-9_]*)<<(\S+)$/.exec(line);
    if (block?.[1] !== undefined) {
      const end = lines.indexOf(block[2] ?? '', index + 1);
      if (end < 0) continue;
      values[block[1]] = lines.slice(index + 1, end).join('\n');
      index = end;
      continue;
    }
    const [, name, value] = assignment.exec(line) ?? [];
    if (name !== undefined) values[name] = value ?? '';
  }
  return values;
}
