// eslint-disable-next-line no-control-regex -- control characters are what this is about
const colours = /(\u001b\[[0-9;:]*m)/;
/** All control characters but tab, line feed and carriage return. */
// eslint-disable-next-line no-control-regex -- control characters are what this is about
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
// eslint-disable-next-line no-control-regex -- control characters are what this is about
const anyControl = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/**
 * Text of others for a terminal: whole control sequences but colours (SGR) are left out, control characters that remain
 * are shown as signs (`␛`), so that output can neither clear the screen nor name the window nor answer for the user.
 * Tabs and line ends stay. Every part of a sequence is harmless by itself, so the text may be cut anywhere before.
 */
export function terminalText(text: string): string {
  if (!anyControl.test(text)) return text;
  // Not imported: an import reads all that node:util has, at every start.
  const { stripVTControlCharacters } = process.getBuiltinModule('node:util');
  return text
    .split(colours)
    .map((piece, index) =>
      index % 2 === 1 ? piece : stripVTControlCharacters(piece).replaceAll(controls, signOf),
    )
    .join('');
}

/**
 * Lines of Slipway's own that hold text of others, such as an error that names a branch: as {@link terminalText}, and no
 * carriage return writes over the beginning of a line.
 */
export function terminalLines(text: string): string {
  return terminalText(text).replaceAll(/\r(?!\n)/g, '␍');
}

/** JSON with the control characters that JSON itself lets stand (DEL and C1) escaped, too; the data is the same. */
export function terminalJson(json: string): string {
  return json.replaceAll(/[\u007f-\u009f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`);
}

/** The sign of a control character: Unicode has them for ASCII's. */
function signOf(control: string): string {
  const code = control.charCodeAt(0);
  if (code === 0x7f) return '␡';
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
}
