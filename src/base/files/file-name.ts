/** A stage's name as the name of a file or folder. */
export function fileNameOf(stage: string): string {
  const name = stage.replaceAll(/[^\w.-]+/g, '_');
  return /^\.*$/.test(name) ? `_${name}` : name;
}
