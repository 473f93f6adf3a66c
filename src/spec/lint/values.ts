import { defined } from '../../base/defined.ts';
import { Pattern, PatternError } from '../../base/pattern.ts';
import type { Finding } from '../finding.ts';
import type { ParsedDocument } from '../schema/document.ts';
import type { ParsedParameter } from '../schema/parameters.ts';
import type { SourceDocument } from '../source-document.ts';
import type { StageDraft } from '../stage-draft.ts';
import { valueAt } from '../schema-findings.ts';

/** Values that contradict each other, or that YAML would change silently. */
export function lintValues(
  source: SourceDocument,
  document: Partial<ParsedDocument>,
  drafts: readonly StageDraft[],
): Finding[] {
  return [
    ...Object.entries(document.parameters ?? {}).flatMap(([name, parameter]) =>
      parameterOf(parameter).map((finding) => ({ ...finding, path: ['parameters', name, ...finding.path] })),
    ),
    ...[['env'], ...drafts.map(({ path }) => [...path, 'env'])].flatMap((path) => lossyNumbers(source, path)),
    ...drafts.flatMap((draft) => longTimeouts(draft, document.timeout)),
  ];
}

function parameterOf(parameter: ParsedParameter): Finding[] {
  if (
    parameter.type === 'choice' &&
    parameter.default !== undefined &&
    !parameter.options.includes(parameter.default)
  ) {
    const hint = `allowed: ${parameter.options.join(', ')}`;
    const message = `"${parameter.default}" is not one of the options`;
    return [{ code: 'default', path: ['default'], message, hint }];
  }
  if (parameter.type !== 'string' || parameter.pattern === undefined) return [];
  return patternOf(parameter.pattern, parameter.default);
}

function patternOf(source: string, preset: string | undefined): Finding[] {
  try {
    const pattern = new Pattern(source);
    if (preset === undefined || pattern.matches(preset)) return [];
    return [
      { code: 'default', path: ['default'], message: `"${preset}" does not match the pattern ${source}` },
    ];
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const { message, offset, hint } = error;
    return [{ code: 'pattern', path: ['pattern'], offset, message, ...defined({ hint }) }];
  }
}

/** `VERSION: 1.10` is the number 1.1, which is never meant. */
function lossyNumbers(source: SourceDocument, path: readonly (string | number)[]): Finding[] {
  const env = valueAt(source.value, path);
  if (typeof env !== 'object' || env === null) return [];
  return Object.entries(env).flatMap(([variable, value]: [string, unknown]): Finding[] => {
    const at = [...path, variable];
    const written = source.written(at);
    if (typeof value !== 'number' || written === undefined || written === String(value)) return [];
    const message = `${written} is a number and would become ${String(value)}`;
    return [{ code: 'lossy-number', path: at, message, hint: `write "${written}" in quotes` }];
  });
}

function longTimeouts({ name, path, common }: StageDraft, runMs: number | undefined): Finding[] {
  if (common.timeout === undefined || runMs === undefined || common.timeout <= runMs) return [];
  const message = `the timeout of stage "${name}" is longer than that of the run, which ends it first`;
  return [{ code: 'timeout', severity: 'warning', path: [...path, 'timeout'], message }];
}
