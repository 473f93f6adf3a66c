import type { ReporterOptions } from './reporters.ts';

/** How a run is executed and shown: what the command line says of `run` and `resume`. */
export interface RunSettings {
  reporters: ReporterOptions;
  /** Absolute folder for artifacts and reports. */
  resultsDirectory: string;
  keepAgent: boolean;
  /** Milliseconds that an API which does not answer is tried again. */
  retryBudgetMs: number;
  /** Address of a Docker Engine; missing: $DOCKER_HOST or the local socket. */
  dockerHost?: string;
  debug: boolean;
  /** Files of the runner's policies. */
  policyFiles: readonly string[];
}
