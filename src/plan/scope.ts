import type { ParameterValue } from '../spec/pipeline.ts';

/** What expressions read, at one moment of a run. */
export interface ExpressionScope {
  params: Readonly<Record<string, ParameterValue>>;
  /** Plain values alone: expressions never read secrets. */
  env?: Readonly<Record<string, string>>;
  git?: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  run?: Readonly<Record<string, string>>;
  stages?: Readonly<Record<string, StageFacts>>;
  matrix?: Readonly<Record<string, ParameterValue>>;
  /** One hash over the files of the checkout that match the patterns. Missing where there is no checkout to read. */
  hashFiles?: (patterns: readonly string[]) => Promise<string>;
}

/** A stage as expressions see it: `stages.build.outputs.version`, `stages.build.outcome`. */
export interface StageFacts {
  outcome: string;
  outputs: Readonly<Record<string, string>>;
}

/** Keys of `trigger` that are always there, empty when the trigger has no such thing. */
const triggerKeys = ['type', 'ref', 'sha', 'branch', 'tag', 'actor', 'pullRequest', 'baseBranch'];

/** Keys of `git` that are always there, empty before the checkout. */
const gitKeys = ['url', 'ref', 'sha', 'shortSha', 'branch', 'tag', 'author', 'message'];

/** The scope as the CEL library wants it: whole numbers as bigint, known keys present. */
export function toBindings(scope: ExpressionScope): Record<string, unknown> {
  return {
    params: integers(scope.params),
    env: scope.env ?? {},
    git: { ...blank(gitKeys), ...scope.git },
    trigger: { ...blank(triggerKeys), ...scope.trigger },
    run: scope.run ?? {},
    stages: scope.stages ?? {},
    matrix: integers(scope.matrix ?? {}),
  };
}

function blank(keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, '']));
}

function integers(values: Readonly<Record<string, ParameterValue>>): Record<string, unknown> {
  const convert = (value: ParameterValue) => (Number.isSafeInteger(value) ? BigInt(value) : value);
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, convert(value)]));
}
