import type * as z from '../base/zod.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import type { Finding } from './finding.ts';
import { hintFor, nearest } from './nearest.ts';
import { checkSchema, readSchema } from './schema-findings.ts';
import { commonFields, commonStage, stageKeys, stageOf } from './schema/stage.ts';

/** A stage on its way from YAML to the pipeline; what could not be read is missing. */
export interface StageDraft {
  /** `['stages', 0]`. */
  path: readonly (string | number)[];
  phase: 'main' | 'finally';
  raw: Readonly<Record<string, unknown>>;
  /** The name as written, or one made from its place. */
  name: string;
  kind?: AnyStageKind;
  common?: z.infer<typeof commonStage>;
}

const refused = { agent: 'name a container of the run’s agent by `container`' };

/** Reads one stage: finds its kind, checks what every stage has and what the kind has. */
export function draftStage(
  raw: Readonly<Record<string, unknown>>,
  place: Pick<StageDraft, 'path' | 'phase'>,
  kinds: readonly AnyStageKind[],
): { draft: StageDraft; findings: Finding[] } {
  const { path } = place;
  const name = typeof raw['name'] === 'string' ? raw['name'] : `${String(path[0])}[${String(path[1])}]`;
  const candidates = kindsOf(raw, kinds);
  const common = readSchema(commonStage, raw, { at: path });
  const draft: StageDraft = { ...place, raw, name, ...(common.data ? { common: common.data } : {}) };
  const [kind, second] = candidates;
  if (kind === undefined) {
    return { draft, findings: [noKind(draft, kinds), ...common.findings] };
  }
  draft.kind = kind;
  if (second !== undefined) {
    const message = `stage "${name}" is both ${kind.key} and ${second.key}`;
    const hint = 'a stage does one thing: make two stages';
    return {
      draft,
      findings: [{ code: 'stage-kind', path: [...path, second.key], at: 'key', message, hint }],
    };
  }
  return { draft, findings: checkStage(draft, kind, common.findings) };
}

/** The common part may not be templated; the kind's part may, and is checked again when it is evaluated. */
function checkStage({ path, raw }: StageDraft, kind: AnyStageKind, strict: readonly Finding[]): Finding[] {
  const whole = checkSchema(stageOf(kind), raw, { at: path, templates: true, refused });
  const isCommon = (finding: Finding) => Object.hasOwn(commonFields, String(finding.path[path.length] ?? ''));
  return [...strict, ...whole.filter((finding) => !isCommon(finding) && !said(strict, finding))];
}

function said(findings: readonly Finding[], finding: Finding): boolean {
  return findings.some(
    (other) => other.message === finding.message && other.path.join('.') === finding.path.join('.'),
  );
}

function kindsOf(raw: Readonly<Record<string, unknown>>, kinds: readonly AnyStageKind[]): AnyStageKind[] {
  const present = kinds.filter((kind) => Object.hasOwn(raw, kind.key));
  const isFieldOfOther = (kind: AnyStageKind) =>
    present.some((other) => other !== kind && Object.hasOwn(other.fields, kind.key));
  const alone = present.filter((kind) => !isFieldOfOther(kind));
  return alone.sort((a, b) => Object.keys(raw).indexOf(a.key) - Object.keys(raw).indexOf(b.key));
}

function noKind({ path, raw, name }: StageDraft, kinds: readonly AnyStageKind[]): Finding {
  const allowed = kinds.map((kind) => kind.key);
  const known = new Set(stageKeys(kinds));
  const typo = Object.keys(raw).find((key) => !known.has(key) && nearest(key, allowed) !== undefined);
  if (typo !== undefined) {
    const message = `unknown key "${typo}"`;
    return { code: 'unknown-key', path: [...path, typo], at: 'key', message, hint: hintFor(typo, allowed) };
  }
  const message = `stage "${name}" does not say what it does`;
  return { code: 'stage-kind', path, message, hint: `give it one of ${allowed.join(', ')}` };
}
