import { BuildError } from '../../../ports/builder.ts';
import { expandWord, WordError, type Variables } from './expand-words.ts';
import { instructionError, type Dockerfile, type Instruction } from './read-dockerfile.ts';

/** A stage of a Dockerfile: what it begins with and what it does. */
export interface BuildStage {
  /** Lower case; the number where it has no name. */
  name: string;
  /** The FROM itself, for messages. */
  from: Instruction;
  /** What the stage begins with. */
  base: { type: 'scratch' } | { type: 'stage'; index: number } | { type: 'image'; reference: string };
  platform?: string;
  instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, and the arguments that stand before the first. */
export interface BuildStages {
  stages: readonly BuildStage[];
  /** Index of the stage that is to be built. */
  target: number;
  globalArguments: Variables;
}

/**
 * Splits a Dockerfile into its stages, with the variables of each FROM replaced.
 * @param given build arguments of the request, and the platform's (`TARGETARCH` ...)
 * @throws BuildError
 */
export function buildStages(
  dockerfile: Dockerfile,
  given: Variables,
  target: string | undefined,
): BuildStages {
  const globalArguments = new Map<string, string>();
  const stages: BuildStage[] = [];
  let current: Instruction[] | undefined;
  for (const instruction of dockerfile.instructions) {
    if (instruction.keyword === 'FROM') {
      current = [];
      const variables = new Map([...given, ...globalArguments]);
      stages.push(startStage(instruction, current, { stages, variables, escape: dockerfile.escape }));
    } else if (current !== undefined) current.push(instruction);
    else if (instruction.keyword === 'ARG') {
      for (const [name, value] of argumentsOf(
        instruction,
        new Map([...given, ...globalArguments]),
        dockerfile.escape,
      )) {
        const chosen = given.get(name) ?? value;
        if (chosen !== undefined) globalArguments.set(name, chosen);
      }
    } else throw instructionError(instruction, 'only ARG may stand before the first FROM');
  }
  if (stages.length === 0) throw new BuildError('the Dockerfile has no FROM');
  return { stages, target: findTarget(stages, target), globalArguments };
}

/** The names and default values of an ARG. */
export function argumentsOf(
  instruction: Instruction,
  variables: Variables,
  escape: string,
): [name: string, value: string | undefined][] {
  const words = instruction.text.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|\S)+/g) ?? [];
  return words.map((word) => {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw instructionError(instruction, `"${name}" is not the name of a variable`);
    return [name, equals === -1 ? undefined : expand(instruction, word.slice(equals + 1), variables, escape)];
  });
}

/** {@link expandWord} with the instruction in the message. */
export function expand(
  instruction: Instruction,
  word: string,
  ...[variables, escape]: [Variables, string]
): string {
  try {
    return expandWord(word, variables, escape);
  } catch (error) {
    if (error instanceof WordError) throw instructionError(instruction, error.message);
    throw error;
  }
}

/** The stages that a stage needs, itself last: what is not among them is not built. */
export function neededStages(stages: readonly BuildStage[], target: number): number[] {
  const needed = new Set<number>();
  const visit = (index: number) => {
    const stage = stages[index];
    if (stage === undefined || needed.has(index)) return;
    if (stage.base.type === 'stage') visit(stage.base.index);
    for (const instruction of stage.instructions) {
      const from = instruction.flags.find((flag) => flag.name === 'from')?.value;
      const other = from === undefined ? undefined : findStage(stages.slice(0, index), from);
      if (other !== undefined) visit(other);
    }
    needed.add(index);
  };
  visit(target);
  return [...needed];
}

/** Index of the stage of a name or number; undefined when there is none. The last one of a name counts. */
export function findStage(stages: readonly BuildStage[], name: string): number | undefined {
  const byName = stages.findLastIndex((stage) => stage.name === name.toLowerCase());
  if (byName !== -1) return byName;
  return /^\d+$/.test(name) && Number(name) < stages.length ? Number(name) : undefined;
}

interface Before {
  stages: readonly BuildStage[];
  variables: Variables;
  escape: string;
}

function startStage(from: Instruction, instructions: Instruction[], before: Before): BuildStage {
  const words = from.text.split(/\s+/);
  const [reference = '', as, alias] = words;
  const named = words.length === 3 && as?.toLowerCase() === 'as' && alias !== undefined;
  if (reference === '' || (words.length !== 1 && !named)) {
    throw instructionError(from, 'write it like FROM image, or FROM image AS name');
  }
  const name = named ? alias.toLowerCase() : String(before.stages.length);
  if (named && !/^[a-z][a-z0-9_.-]*$/.test(name))
    throw instructionError(from, `"${alias}" is not a name for a stage`);
  const image = expand(from, reference, before.variables, before.escape);
  if (image === '')
    throw instructionError(
      from,
      `"${reference}" is empty`,
      'give the argument a default, or set it in image.args',
    );
  const platform = from.flags.find((flag) => flag.name === 'platform')?.value;
  return {
    name,
    from,
    base: baseOf(image, before.stages),
    ...(platform === undefined ? {} : { platform: expand(from, platform, before.variables, before.escape) }),
    instructions,
  };
}

function baseOf(image: string, stages: readonly BuildStage[]): BuildStage['base'] {
  if (image === 'scratch') return { type: 'scratch' };
  const index = stages.findLastIndex((stage) => stage.name === image.toLowerCase());
  return index === -1 ? { type: 'image', reference: image } : { type: 'stage', index };
}

function findTarget(stages: readonly BuildStage[], target: string | undefined): number {
  if (target === undefined) return stages.length - 1;
  const found = findStage(stages, target);
  if (found !== undefined) return found;
  const names = stages.map((stage) => stage.name).join(', ');
  throw new BuildError(`the Dockerfile has no stage ${target}; it has: ${names}`);
}
