import { InputError } from '../base/errors.ts';

/** One finding about a pipeline file. */
export interface Diagnostic {
  /** Stable, for machines: `unknown-key`, `cycle` ... (docs/pipeline-file.md). */
  code: string;
  severity: 'error' | 'warning';
  file: string;
  /** Keys and list positions from the top, e.g. `['stages', 0, 'needs']`. */
  path: readonly (string | number)[];
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  message: string;
  /** What to do about it. */
  hint?: string;
}

/** A finding as one line: `app.yaml:12:5: message (hint)`. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message, hint } = diagnostic;
  const kind = severity === 'warning' ? 'warning: ' : '';
  return `${file}:${line}:${column}: ${kind}${message}${hint === undefined ? '' : ` (${hint})`}`;
}

/** A file of ours is wrong; the message lists every error, a line each. */
export class DiagnosticsError extends InputError {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'));
    this.diagnostics = diagnostics;
  }

  override toJSON(): ReturnType<InputError['toJSON']> & { diagnostics: readonly Diagnostic[] } {
    return { ...super.toJSON(), diagnostics: this.diagnostics };
  }
}

/** The pipeline file is wrong. */
export class PipelineFileError extends DiagnosticsError {
  override readonly code = 'pipeline-file';
}
