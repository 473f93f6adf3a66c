import { defined } from '../../base/defined.ts';
import { InputError } from '../../base/errors.ts';
import { Pattern, PatternError } from '../../base/pattern.ts';
import { shortened } from '../../expressions/budget.ts';
import { ExpressionError } from '../../expressions/language.ts';
import { expressionRoots } from '../../expressions/names.ts';
import {
  checkExpression,
  parseExpression,
  type LiteralPattern,
  type Reference,
} from '../../expressions/parse-expression.ts';
import type { Finding } from '../finding.ts';
import { hintFor } from '../../base/nearest.ts';
import { placesAt, stringsIn } from '../places.ts';
import type { ParsedDocument } from '../schema/document.ts';
import type { StageDraft } from '../stage-draft.ts';
import { ancestorsOf, resolveNeeds } from '../stage-order.ts';
import { hasTemplate, parseTemplate } from '../../expressions/template.ts';
import { keysAt, valueAt } from '../schema-findings.ts';

type Path = readonly (string | number)[];

/** What expressions at one place may use. */
interface Scope {
  roots: readonly string[];
  parameters: readonly string[];
  /** Names of variables of `env` that are secrets. */
  secretVariables: readonly string[];
  /** Stages that are done by then; undefined where `stages` is no root. */
  stages: readonly string[];
  allStages: readonly string[];
  matrix: readonly string[];
  /** Those of `roots` that get their value only when the stage has begun. */
  late?: readonly string[];
}

const everywhere: readonly string[] = ['params', 'env', 'git', 'trigger', 'run', 'stages'];
const beforeTheRun: readonly string[] = ['params', 'trigger'];

/** Every expression parses, and uses only what is there by then. Script text holds none. */
export function lintExpressions(
  value: unknown,
  document: Partial<ParsedDocument>,
  drafts: readonly StageDraft[],
): Finding[] {
  const base = baseScope(value, document, drafts);
  return [
    ...lintStrings(valueAt(value, ['env']), ['env'], {
      ...base,
      roots: ['params', 'git', 'trigger', 'run', 'stages'],
    }),
    ...lintStrings(valueAt(value, ['agent']), ['agent'], { ...base, roots: beforeTheRun }),
    ...['parameters', 'secrets'].flatMap((key) => noExpressions(valueAt(value, [key]), [key])),
    ...drafts.flatMap((draft) => lintStage(draft, { ...base, ...stageScope(draft, drafts) })),
  ];
}

function baseScope(value: unknown, document: Partial<ParsedDocument>, drafts: readonly StageDraft[]): Scope {
  const names = drafts.map(({ name }) => name);
  const secretVariables = Object.entries(document.env ?? {}).flatMap(([name, { type }]) =>
    type === 'secret' ? [name] : [],
  );
  const parameters = keysAt(value, ['parameters']);
  return { roots: everywhere, parameters, secretVariables, stages: names, allStages: names, matrix: [] };
}

function stageScope(
  draft: StageDraft,
  drafts: readonly StageDraft[],
): Pick<Scope, 'roots' | 'stages' | 'matrix'> {
  const samePhase = drafts.filter(({ phase }) => phase === draft.phase);
  const needs = resolveNeeds(
    samePhase.map(({ name, common }) => ({ name, ...(common.needs && { needs: common.needs }) })),
  );
  const main = drafts.filter(({ phase }) => phase === 'main').map(({ name }) => name);
  const before = [...ancestorsOf(draft.name, needs)];
  return {
    roots: [...everywhere, 'matrix'],
    stages: draft.phase === 'finally' ? [...main, ...before] : before,
    matrix: Object.keys(draft.common.matrix ?? {}),
  };
}

function lintStage({ path, raw, kind }: StageDraft, scope: Scope): Finding[] {
  const scripts = (kind?.scripts ?? []).flatMap((dotted) => placesAt(raw, dotted));
  const isScript = (at: Path) => scripts.some((script) => startsWith(at, script.path));
  const late = (kind?.lateNames?.at ?? []).flatMap((dotted) => placesAt(raw, dotted));
  const roots = [...scope.roots, ...(kind?.lateNames?.names ?? [])];
  const scopeAt = (at: Path) =>
    late.some(({ path: of }) => startsWith(at, of))
      ? { ...scope, roots, ...defined({ late: kind?.lateNames?.names }) }
      : scope;
  const fixed = ['name', 'needs', 'matrix', 'retry', 'timeout', 'allowFailure'];
  const { when, ...rest } = raw;
  const strings = stringsIn(rest).filter((place) => !fixed.includes(String(place.path[0])));
  return [
    ...(typeof when === 'string' ? lintCondition(when, [...path, 'when'], scope) : []),
    ...['needs', 'matrix'].flatMap((key) => noExpressions(raw[key], [...path, key])),
    ...strings.flatMap((place) =>
      isScript(place.path)
        ? lintScript(place.value, [...path, ...place.path])
        : lintTemplate(place.value, [...path, ...place.path], scopeAt(place.path)),
    ),
  ];
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((part, index) => path[index] === part);
}

function lintStrings(value: unknown, at: Path, scope: Scope): Finding[] {
  return stringsIn(value, at).flatMap((place) => lintTemplate(place.value, place.path, scope));
}

function noExpressions(value: unknown, at: Path): Finding[] {
  return stringsIn(value, at)
    .filter((place) => hasTemplate(place.value))
    .map(({ path }) => ({ code: 'expression', path, message: 'expressions are not allowed here' }));
}

function lintScript(script: string, path: Path): Finding[] {
  if (!hasTemplate(script)) return [];
  const hint = 'pass it through the environment: env: {VALUE: "${{ … }}"}, and use "$VALUE" in the script';
  const offset = script.indexOf('${{');
  return [
    { code: 'expression-in-script', path, offset, message: 'expressions are not allowed in scripts', hint },
  ];
}

function lintCondition(condition: string, path: Path, scope: Scope): Finding[] {
  if (hasTemplate(condition)) {
    return [
      {
        code: 'expression',
        path,
        message: '`when` is already an expression',
        hint: 'write it without ${{ }}',
      },
    ];
  }
  return lintExpression(condition, path, scope);
}

function lintTemplate(text: string, path: Path, scope: Scope): Finding[] {
  if (!hasTemplate(text)) return [];
  try {
    return parseTemplate(text).flatMap((part) =>
      part.type === 'text'
        ? []
        : lintExpression(part.source, path, scope).map((found) => ({
            ...found,
            offset: part.offset + (found.offset ?? 0),
          })),
    );
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return [
      {
        code: 'expression',
        path,
        message: error.message,
        ...defined({ hint: error.hint }),
      },
    ];
  }
}

function lintExpression(source: string, path: Path, scope: Scope): Finding[] {
  try {
    const { references, functions, patterns } = parseExpression(source);
    const findings: Remark[] = references.flatMap((reference) =>
      lintReference(reference, scope).map((remark) => ({ ...remark, offset: reference.offset })),
    );
    if (functions.includes('hashFiles') && !scope.roots.includes('env')) {
      findings.push({ message: 'hashFiles needs the checkout, which does not exist yet' });
    }
    findings.push(...patterns.flatMap(lintPattern), ...lintLate(references, scope));
    if (findings.length > 0) return findings.map((finding) => ({ code: 'expression', path, ...finding }));
    const mistyped = checkExpression(source);
    return mistyped === undefined ? [] : [faulty(source, path, mistyped)];
  } catch (error) {
    if (error instanceof ExpressionError) return [faulty(source, path, error)];
    throw error;
  }
}

function faulty(source: string, path: Path, error: ExpressionError): Finding {
  const { message, offset } = error;
  return { code: 'expression', path, offset, message: `${message}, in the expression ${shortened(source)}` };
}

type Remark = Pick<Finding, 'message' | 'hint' | 'offset'>;

/** What is known before the stage and what it learns itself are filled in at two times. */
function lintLate(references: readonly Reference[], { late = [] }: Scope): Remark[] {
  const other = references.find(({ root }) => !late.includes(root));
  const ofStage = references.filter(({ root }) => late.includes(root));
  const incomplete = ofStage.filter(({ keys: [key] }) => key !== 'hash');
  if (incomplete.length > 0)
    return incomplete.map(({ root, offset }) => ({
      message: `"${root}" has a "hash" alone: ${root}.hash`,
      offset,
    }));
  const [first] = ofStage;
  if (first === undefined || other === undefined) return [];
  const message = `"${first.root}" and "${other.root}" cannot stand in one expression`;
  return [{ message, hint: 'write two: ${{ … }}${{ … }}' }];
}

function lintPattern({ source, offset }: LiteralPattern): Remark[] {
  try {
    new Pattern(source);
    return [];
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const { message, hint } = error;
    return [{ message, offset: offset + 1 + error.offset, ...defined({ hint }) }];
  }
}

function lintReference({ root, keys: [key] }: Reference, scope: Scope): Remark[] {
  if (!expressionRoots.some((known) => known === root)) {
    return [{ message: `unknown name in an expression: "${root}"`, hint: hintFor(root, scope.roots) }];
  }
  if (!scope.roots.some((allowed) => allowed === root)) {
    return [{ message: `"${root}" is not available here`, hint: `allowed: ${scope.roots.join(', ')}` }];
  }
  if (key === undefined) return [];
  if (root === 'params') return among(key, scope.parameters, 'parameter');
  if (root === 'matrix') return among(key, scope.matrix, 'matrix value');
  if (root === 'env' && scope.secretVariables.includes(key)) {
    return [
      {
        message: `"${key}" is a secret: expressions cannot read secrets`,
        hint: 'scripts can read it from their environment',
      },
    ];
  }
  if (root !== 'stages') return [];
  // A cell of a matrix is called by the stage's name and its values: stages["test.1"].
  const stage = scope.allStages.includes(key) ? key : (key.split('.')[0] ?? key);
  if (!scope.allStages.includes(stage)) return among(key, scope.allStages, 'stage');
  if (scope.stages.includes(stage)) return [];
  return [{ message: `stage "${stage}" may not have finished by then`, hint: `add "${stage}" to needs` }];
}

function among(key: string, allowed: readonly string[], what: string): Remark[] {
  return allowed.includes(key)
    ? []
    : [{ message: `there is no ${what} "${key}"`, hint: hintFor(key, allowed) }];
}
