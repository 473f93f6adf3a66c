import type { AnyStageKind } from '../ports/stage.ts';
import { PipelineFileError, type Diagnostic } from './diagnostic.ts';
import type { Finding } from './finding.ts';
import { lintExpressions } from './lint/expressions.ts';
import { lintNames } from './lint/names.ts';
import { lintReferences } from './lint/references.ts';
import { lintValues } from './lint/values.ts';
import type { Pipeline } from './pipeline.ts';
import { describe, parseOnce, readSchema } from './schema-findings.ts';
import {
  document as documentSchema,
  documentFields,
  notSupportedYet,
  type ParsedDocument,
} from './schema/document.ts';
import { readSourceDocument } from './source-document.ts';
import { draftStage, type StageDraft } from './stage-draft.ts';
import { toPipeline } from './to-pipeline.ts';

/** What is parsed. */
export interface PipelineSource {
  /** How the file is called in diagnostics. */
  file: string;
  text: string;
  /** The kinds of stages that there are. */
  kinds: readonly AnyStageKind[];
}

/** A valid pipeline with its warnings, or every error of the file (warnings among them). */
export type ParsedPipeline =
  { ok: true; pipeline: Pipeline; warnings: Diagnostic[] } | { ok: false; diagnostics: Diagnostic[] };

/** Reads and checks a pipeline file; says everything that is wrong at once, in the order of the file. */
export function parsePipeline({ file, text, kinds }: PipelineSource): ParsedPipeline {
  const source = readSourceDocument(file, text);
  if (source.diagnostics.length > 0) return { ok: false, diagnostics: source.diagnostics };
  const { value } = source;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = `a pipeline file is an object, found ${describe(value)}`;
    return { ok: false, diagnostics: [source.locate({ code: 'type', path: [], message })] };
  }
  const raw = value as Record<string, unknown>;
  const whole = readSchema(documentSchema, value, { refused: notSupportedYet });
  const document = whole.data ?? readable(raw);
  const stages = draftStages(raw, kinds);
  const drafts = stages.map(({ draft }) => draft);
  const findings: Finding[] = [
    ...whole.findings,
    ...stages.flatMap((stage) => stage.findings),
    ...lintNames(drafts),
    ...lintReferences(value, document, drafts),
    ...lintValues(source, document, drafts),
    ...lintExpressions(value, document, drafts),
  ];
  const diagnostics = findings
    .map((finding) => source.locate(finding))
    .sort((a, b) => a.line - b.line || a.column - b.column);
  if (whole.data === undefined || diagnostics.some(({ severity }) => severity === 'error'))
    return { ok: false, diagnostics };
  return { ok: true, pipeline: toPipeline(whole.data, drafts), warnings: diagnostics };
}

/**
 * As parsePipeline, for callers that can only go on with a valid file.
 * @throws PipelineFileError with every error
 */
export function requirePipeline(source: PipelineSource): { pipeline: Pipeline; warnings: Diagnostic[] } {
  const parsed = parsePipeline(source);
  if (!parsed.ok) throw new PipelineFileError(parsed.diagnostics);
  return { pipeline: parsed.pipeline, warnings: parsed.warnings };
}

/** The parts of the document that are sound by themselves, so that lint can go on beside schema errors. */
function readable(raw: Readonly<Record<string, unknown>>): Partial<ParsedDocument> {
  const parts = Object.entries(documentFields).flatMap(([key, schema]): [string, unknown][] => {
    const part = schema.safeParse(raw[key], parseOnce);
    return part.success && part.data !== undefined ? [[key, part.data]] : [];
  });
  return Object.fromEntries(parts);
}

function draftStages(
  raw: Readonly<Record<string, unknown>>,
  kinds: readonly AnyStageKind[],
): { draft: StageDraft; findings: Finding[] }[] {
  const phases = [
    { key: 'stages', phase: 'main' },
    { key: 'finally', phase: 'finally' },
  ] as const;
  return phases.flatMap(({ key, phase }) => {
    const list: unknown = raw[key];
    if (!Array.isArray(list)) return [];
    return list.flatMap((stage: unknown, index) => {
      if (typeof stage !== 'object' || stage === null || Array.isArray(stage)) return [];
      return [draftStage(stage as Record<string, unknown>, { path: [key, index], phase }, kinds)];
    });
  });
}
