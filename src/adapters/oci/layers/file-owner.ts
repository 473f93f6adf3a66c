import { instructionError, type Instruction } from '../dockerfile/read-dockerfile.ts';

/** Reads a small file of the image that is being built; undefined when it has none. */
export type ReadImageFile = (path: string) => Promise<string | undefined>;

/**
 * Turns `--chown=user[:group]` into numbers, names by /etc/passwd and /etc/group of the image. Without a group it has
 * the number of the user, as Docker does it. @throws BuildError when the image does not know the name
 */
export async function fileOwner(
  instruction: Instruction,
  chown: string | undefined,
  readFile: ReadImageFile,
): Promise<{ uid: number; gid: number }> {
  if (chown === undefined) return { uid: 0, gid: 0 };
  const [user = '', group] = chown.split(':');
  const numberIn = async (file: string, name: string): Promise<number> => {
    if (/^\d+$/.test(name)) return Number(name);
    const line = ((await readFile(file)) ?? '').split('\n').find((one) => one.startsWith(`${name}:`));
    const id = line?.split(':')[2];
    if (id !== undefined && /^\d+$/.test(id)) return Number(id);
    throw instructionError(
      instruction,
      `--chown: "${name}" is not in /${file} of the image`,
      'write numbers, or use a base image that has it',
    );
  };
  const uid = await numberIn('etc/passwd', user);
  return { uid, gid: group === undefined || group === '' ? uid : await numberIn('etc/group', group) };
}

/** `--chmod` as a number: octal alone. */
export function fileMode(instruction: Instruction, chmod: string | undefined): number | undefined {
  if (chmod === undefined) return undefined;
  if (/^0?[0-7]{3,4}$/.test(chmod)) return Number.parseInt(chmod, 8);
  throw instructionError(instruction, `--chmod=${chmod} is not an octal number`);
}
