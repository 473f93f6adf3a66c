import { InputError } from '../../../base/errors.ts';
import type { Step } from '../../../ports/agent.ts';
import { scratchDirectory } from './step-script.ts';

/** Bytes of one variable, name and value, as Linux lets a program be started with: 128 KiB less `=` and the end. */
export const largestVariable = 128 * 1024 - 2;

const validName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const validId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** Text as one word of a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** @throws InputError when the id could not be a folder's name */
export function checkStepId(id: string): void {
  if (!validId.test(id)) {
    throw new InputError(`"${id}" cannot be the id of a step`, {
      hint: 'letters, digits, ".", "-" and "_", 200 at most, the first a letter or digit',
    });
  }
}

/**
 * The script that starts a step in its container: sets the environment, writes the step's script, removes itself,
 * since it holds secrets, and becomes the step's shell. It travels by standard input and is never an argument.
 * @throws InputError when a variable cannot be set by a shell, or a value holds a NUL or is too large
 */
export function launchScript(
  step: Pick<Step, 'id' | 'container' | 'script' | 'shell'>,
  { env, directory }: { env: Readonly<Record<string, string>>; directory: string },
): Buffer {
  const home = `${scratchDirectory}/${step.container}/steps/${step.id}`;
  const lines = Object.entries(env).map(([name, value]) => {
    if (!validName.test(name)) {
      throw new InputError(`"${name}" cannot be the name of an environment variable of step ${step.id}`);
    }
    if (Buffer.byteLength(name) + Buffer.byteLength(value) > largestVariable) {
      const size = `${String(Math.ceil(Buffer.byteLength(value) / 1024))} KiB`;
      throw new InputError(
        `the environment variable ${name} has ${size}; Linux starts no program with one of more than 128 KiB`,
        { hint: 'hand large values over in a file of the workspace' },
      );
    }
    if (value.includes('\0')) throw new InputError(`the environment variable ${name} holds a NUL character`);
    return `export ${name}=${quote(value)}`;
  });
  const script = `${home}/script`;
  const missing = `slipway: the working directory ${directory} does not exist, or cannot be entered`;
  return Buffer.from(
    [
      ...lines,
      `cd ${quote(directory)} || { printf '%s\\n' ${quote(missing)} >&2; exit 125; }`,
      `printf %s ${quote(step.script.replaceAll('\0', ''))} >${quote(script)} || exit 125`,
      `rm -f ${quote(`${home}/launch`)}`,
      `exec ${[...step.shell, script].map(quote).join(' ')}`,
      '',
    ].join('\n'),
  );
}
