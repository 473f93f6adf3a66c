import { parseDuration } from '../../../base/duration.ts';
import { messageOf } from '../../../base/errors.ts';
import { parseJsonForm, splitWords } from '../dockerfile/expand-words.ts';
import { instructionError, type Instruction } from '../dockerfile/read-dockerfile.ts';
import { environmentOf, type RunConfig } from './image-config.ts';

/** Replaces the variables of a word as this instruction sees them. */
export type Expand = (word: string) => string;

/** What the instructions of one stage that only describe the image know besides the configuration. */
export interface Description {
  config: RunConfig;
  /** Whether this stage has set CMD itself: an ENTRYPOINT takes an inherited one away. */
  hasOwnCommand: boolean;
  escape: string;
}

/**
 * Does what an instruction says that only describes the image: ENV, LABEL, EXPOSE, USER, VOLUME, STOPSIGNAL, SHELL,
 * CMD, ENTRYPOINT, HEALTHCHECK. @returns false when it is none of these @throws BuildError
 */
export function describeImage(instruction: Instruction, description: Description, expand: Expand): boolean {
  const { config, escape } = description;
  switch (instruction.keyword) {
    case 'ENV':
      setEnvironment(config, pairs(instruction, escape, expand));
      return true;
    case 'LABEL':
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(instruction, escape, expand)) };
      return true;
    case 'EXPOSE':
      config.ExposedPorts = { ...config.ExposedPorts, ...exposedPorts(instruction, expand) };
      return true;
    case 'USER':
      config.User = oneWord(instruction, expand);
      return true;
    case 'STOPSIGNAL':
      config.StopSignal = oneWord(instruction, expand);
      return true;
    case 'VOLUME': {
      const volumes = (parseJsonForm(instruction.text) ?? splitWords(instruction.text, escape)).map(expand);
      if (volumes.length === 0) throw instructionError(instruction, 'it names no folder');
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(volumes.map((volume) => [volume, {}])) };
      return true;
    }
    case 'SHELL': {
      const shell = parseJsonForm(instruction.text);
      if (shell === undefined || shell.length === 0)
        throw instructionError(instruction, 'write it like ["sh", "-c"]');
      config.Shell = shell;
      return true;
    }
    case 'CMD':
      config.Cmd = command(instruction, config);
      description.hasOwnCommand = true;
      return true;
    case 'ENTRYPOINT':
      config.Entrypoint = command(instruction, config);
      if (!description.hasOwnCommand) config.Cmd = null;
      return true;
    case 'HEALTHCHECK':
      config.Healthcheck = healthcheck(instruction, config);
      return true;
    default:
      return false;
  }
}

function setEnvironment(config: RunConfig, values: [string, string][]): void {
  const environment = environmentOf(config);
  for (const [name, value] of values) environment.set(name, value);
  config.Env = [...environment].map(([name, value]) => `${name}=${value}`);
}

/** `A=1 B="two words"`, or the old form `A all the rest`. */
function pairs(instruction: Instruction, escape: string, expand: Expand): [string, string][] {
  const words = splitWords(instruction.text, escape);
  const [first] = words;
  if (first === undefined) throw instructionError(instruction, 'it names nothing');
  if (!first.includes('=')) {
    const value = instruction.text.slice(first.length).trim();
    if (value === '') throw instructionError(instruction, `${first} has no value`);
    return [[expand(first), expand(value)]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0) throw instructionError(instruction, `"${word}" is not of the form name=value`);
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))];
  });
}

function oneWord(instruction: Instruction, expand: Expand): string {
  const value = expand(instruction.text);
  if (value === '' || /\s/.test(value)) throw instructionError(instruction, 'it takes exactly one value');
  return value;
}

function exposedPorts(instruction: Instruction, expand: Expand): Record<string, object> {
  const ports = instruction.text.split(/\s+/).flatMap((word) => {
    const found = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(expand(word));
    if (found === null) throw instructionError(instruction, `"${word}" is not a port`);
    const [, first, last = first, protocol = 'tcp'] = found;
    const count = Number(last) - Number(first) + 1;
    if (Number(last) > 65_535 || count < 1)
      throw instructionError(instruction, `"${word}" is not a range of ports`);
    return Array.from(
      { length: count },
      (_, index) => `${String(Number(first) + index)}/${protocol.toLowerCase()}`,
    );
  });
  return Object.fromEntries(ports.map((port) => [port, {}]));
}

/** The exec form as it is; the shell form with the shell in front. */
function command({ text }: Instruction, config: RunConfig): string[] {
  return parseJsonForm(text) ?? (text === '' ? [] : [...(config.Shell ?? ['/bin/sh', '-c']), text]);
}

const nanosecondsPerMs = 1_000_000;

function healthcheck(instruction: Instruction, config: RunConfig): object {
  const { text } = instruction;
  if (/^none$/i.test(text)) return { Test: ['NONE'] };
  const test = /^CMD\s+(.+)$/is.exec(text)?.[1];
  if (test === undefined)
    throw instructionError(instruction, 'write it like HEALTHCHECK CMD command, or NONE');
  const exec = parseJsonForm(test);
  const shell = config.Shell ?? undefined;
  const own = shell === undefined ? ['CMD-SHELL', test] : ['CMD', ...shell, test];
  return { Test: exec === undefined ? own : ['CMD', ...exec], ...timing(instruction) };
}

const timings: Record<string, string> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
};

function timing(instruction: Instruction): Record<string, number> {
  return Object.fromEntries(
    instruction.flags.map(({ name, value }) => {
      const key = timings[name];
      if (key === undefined && name !== 'retries')
        throw instructionError(instruction, `--${name} is not known`);
      try {
        return key === undefined
          ? ['Retries', Number(value)]
          : [key, parseDuration(value) * nanosecondsPerMs];
      } catch (error) {
        throw instructionError(instruction, `--${name}: ${messageOf(error)}`);
      }
    }),
  );
}
