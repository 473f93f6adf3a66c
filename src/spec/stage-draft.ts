import type * as z from '../base/zod.ts';
import type { StageDefinition } from '../ports/stage.ts';
import type { Finding } from './finding.ts';
import { hintFor, nearest } from '../base/nearest.ts';
import { checkSchema, parseOnce, readSchema } from './schema-findings.ts';
import { commonFields, commonStage, stageKeys, stageOf, stageOfAny } from './schema/stage.ts';

/** A stage on its way from YAML to the pipeline; what could not be read is missing. */
export interface StageDraft {
  /** `['stages', 0]`. */
  path: readonly (string | number)[];
  phase: 'main' | 'finally';
  raw: Readonly<Record<string, unknown>>;
  /** The name as written, or one made from its place. */
  name: string;
  kind?: StageDefinition;
  /** What every stage has; of one with errors, the fields that are sound by themselves. */
  common: Partial<z.infer<typeof commonStage>>;
}

const refused = { agent: 'name a container of the run’s agent by `container`' };

/** Reads one stage: finds its kind, checks what every stage has and what the kind has. */
export function draftStage(
  raw: Readonly<Record<string, unknown>>,
  place: Pick<StageDraft, 'path' | 'phase'>,
  definitions: readonly StageDefinition[],
): { draft: StageDraft; findings: Finding[] } {
  const { path } = place;
  const name = typeof raw['name'] === 'string' ? raw['name'] : `${String(path[0])}[${String(path[1])}]`;
  const candidates = kindsOf(raw, definitions);
  const common = readSchema(commonStage, raw, { at: path });
  const draft: StageDraft = { ...place, raw, name, common: common.data ?? readable(raw) };
  const [kind, second] = candidates;
  if (kind === undefined) {
    return { draft, findings: [...noKind(draft, definitions), ...common.findings] };
  }
  draft.kind = kind;
  if (second !== undefined) {
    const message = `stage "${name}" has both ${kind.key} and ${second.key}`;
    const hint = 'a stage has one kind: split it into two stages';
    const both: Finding = { code: 'stage-kind', path: [...path, second.key], at: 'key', message, hint };
    return { draft, findings: [both, ...checkStage(draft, stageOfAny(candidates), common.findings)] };
  }
  return { draft, findings: checkStage(draft, stageOf(kind), common.findings) };
}

/** The common fields that are sound by themselves, so that lint can check them beside schema errors. */
function readable(raw: Readonly<Record<string, unknown>>): StageDraft['common'] {
  const parts = Object.entries(commonFields).flatMap(([key, schema]): [string, unknown][] => {
    const part = schema.safeParse(raw[key], parseOnce);
    return part.success && part.data !== undefined ? [[key, part.data]] : [];
  });
  return Object.fromEntries(parts);
}

/** The common part may not be templated; the kind's part may, and is checked again when it is evaluated. */
function checkStage(
  { path, raw }: StageDraft,
  schema: z.ZodMiniObject,
  strict: readonly Finding[],
): Finding[] {
  const whole = checkSchema(schema, raw, { at: path, templates: true, refused });
  const isCommon = (finding: Finding) => Object.hasOwn(commonFields, String(finding.path[path.length] ?? ''));
  return [...strict, ...whole.filter((finding) => !isCommon(finding) && !said(strict, finding))];
}

function said(findings: readonly Finding[], finding: Finding): boolean {
  return findings.some(
    (other) => other.message === finding.message && other.path.join('.') === finding.path.join('.'),
  );
}

function kindsOf(
  raw: Readonly<Record<string, unknown>>,
  definitions: readonly StageDefinition[],
): StageDefinition[] {
  const present = definitions.filter((kind) => Object.hasOwn(raw, kind.key));
  const isFieldOfOther = (kind: StageDefinition) =>
    present.some((other) => other !== kind && Object.hasOwn(other.fields, kind.key));
  const alone = present.filter((kind) => !isFieldOfOther(kind));
  return alone.sort((a, b) => Object.keys(raw).indexOf(a.key) - Object.keys(raw).indexOf(b.key));
}

/** The unknown keys; and that there is no kind, unless one of them is a kind with a typo. */
function noKind({ path, raw, name }: StageDraft, definitions: readonly StageDefinition[]): Finding[] {
  const allowed = definitions.map((kind) => kind.key);
  const known = stageKeys(definitions);
  const unknown = Object.keys(raw).filter((key) => !known.includes(key));
  const typo = unknown.find((key) => nearest(key, allowed) !== undefined);
  const findings = unknown.map((key): Finding => {
    const hint = hintFor(key, key === typo ? allowed : known);
    return { code: 'unknown-key', path: [...path, key], at: 'key', message: `unknown key "${key}"`, hint };
  });
  if (typo !== undefined) return findings;
  const message = `stage "${name}" has no kind`;
  return [{ code: 'stage-kind', path, message, hint: `add one of ${allowed.join(', ')}` }, ...findings];
}
