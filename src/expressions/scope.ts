import { gitKeys, triggerKeys } from './names.ts';

/** A value that a parameter or a matrix gives. */
export type Scalar = string | number | boolean;

/** What expressions read, at one moment of a run. */
export interface ExpressionScope {
  params: Readonly<Record<string, Scalar>>;
  /** Plain values alone: expressions never read secrets. */
  env?: Readonly<Record<string, string>>;
  git?: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  run?: Readonly<Record<string, string>>;
  stages?: Readonly<Record<string, StageFacts>>;
  matrix?: Readonly<Record<string, Scalar>>;
  /** The new pods of a release, for an analysis. */
  candidate?: Readonly<Record<string, string>>;
  /** The old ones. */
  stable?: Readonly<Record<string, string>>;
  /** What an analysis has measured. */
  result?: unknown;
  /** One hash over the files of the checkout that match the patterns. Missing where there is no checkout to read. */
  hashFiles?: (patterns: readonly string[]) => Promise<string>;
}

/** A stage as expressions see it: `stages.build.outputs.version`, `stages.build.outcome`. */
export interface StageFacts {
  outcome: string;
  outputs: Readonly<Record<string, string>>;
}

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
    candidate: scope.candidate ?? {},
    stable: scope.stable ?? {},
    result: scope.result ?? null,
  };
}

function blank(keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, '']));
}

function integers(values: Readonly<Record<string, Scalar>>): Record<string, unknown> {
  const convert = (value: Scalar) => (Number.isSafeInteger(value) ? BigInt(value) : value);
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, convert(value)]));
}
