import type { Diagnostic } from './diagnostic.ts';

/** A diagnostic before its place in the file is looked up. */
export interface Finding {
  code: string;
  severity?: Diagnostic['severity'];
  path: readonly (string | number)[];
  message: string;
  hint?: string;
  /** Whether the key itself is meant, or its value (the default). */
  at?: 'key' | 'value';
  /** Characters into the value, for expressions. */
  offset?: number;
}
