import type { StageDefinition } from '../ports/stage.ts';
import { PipelineFileError, type Diagnostic } from './diagnostic.ts';
import type { Finding } from './finding.ts';
import { lintExpressions } from './lint/expressions.ts';
import { lintNames } from './lint/names.ts';
import { lintReferences } from './lint/references.ts';
import { lintValues } from './lint/values.ts';
import type { Pipeline } from './pipeline.ts';
import { parseOnce, readSchema } from './schema-findings.ts';
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
  definitions: readonly StageDefinition[];
}

/** A valid file. */
export interface ValidPipeline {
  pipeline: Pipeline;
  warnings: Diagnostic[];
  /** Puts what is found later at its line and column. */
  locate: (finding: Finding) => Diagnostic;
}

/** A valid pipeline with its warnings, or every error of the file (warnings among them). */
export type ParsedPipeline = ({ ok: true } & ValidPipeline) | { ok: false; diagnostics: Diagnostic[] };

/** Reads and checks a pipeline file; reports all errors at once, in the order of the file. */
export function parsePipeline({ file, text, definitions }: PipelineSource): ParsedPipeline {
  const source = readSourceDocument(file, text);
  if (source.diagnostics.length > 0) return { ok: false, diagnostics: source.diagnostics };
  const { value } = source;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    // Not what it is: this is no pipeline file, and may be one that must not be shown.
    const message = `a pipeline file must be an object, found ${Array.isArray(value) ? 'a list' : 'a plain value'}`;
    return { ok: false, diagnostics: [source.locate({ code: 'type', path: [], message })] };
  }
  const raw = value as Record<string, unknown>;
  const whole = readSchema(documentSchema, value, { refused: notSupportedYet });
  const document = whole.data ?? readable(raw);
  const stages = draftStages(raw, definitions);
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
  return {
    ok: true,
    pipeline: toPipeline(whole.data, drafts),
    warnings: diagnostics,
    locate: source.locate,
  };
}

/**
 * As parsePipeline, for callers that need a valid file.
 * @throws PipelineFileError with every error
 */
export function requirePipeline(source: PipelineSource): ValidPipeline {
  const parsed = parsePipeline(source);
  if (!parsed.ok) throw new PipelineFileError(parsed.diagnostics);
  const { pipeline, warnings, locate } = parsed;
  return { pipeline, warnings, locate };
}

/** The parts of the document that are sound by themselves, so that lint can check them beside schema errors. */
function readable(raw: Readonly<Record<string, unknown>>): Partial<ParsedDocument> {
  const parts = Object.entries(documentFields).flatMap(([key, schema]): [string, unknown][] => {
    const part = schema.safeParse(raw[key], parseOnce);
    return part.success && part.data !== undefined ? [[key, part.data]] : [];
  });
  return Object.fromEntries(parts);
}

function draftStages(
  raw: Readonly<Record<string, unknown>>,
  definitions: readonly StageDefinition[],
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
      return [draftStage(stage as Record<string, unknown>, { path: [key, index], phase }, definitions)];
    });
  });
}
