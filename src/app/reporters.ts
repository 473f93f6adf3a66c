import path from 'node:path';
import type { Reporter } from '../ports/events.ts';
import { createJsonReporter } from '../adapters/report/json.ts';
import { createLogFileReporter } from '../adapters/report/log-files.ts';
import { Output } from '../adapters/report/output.ts';
import { createPlainReporter } from '../adapters/report/plain.ts';
import { isLive } from './live-text.ts';

/** How a run is shown. `auto` is the tree on a terminal that has a size, and plain lines elsewhere. */
export type OutputFormat = 'auto' | 'tree' | 'plain' | 'json';

/** Options of {@link createReporters}. */
export interface ReporterOptions {
  format: OutputFormat;
  timestamps: boolean;
  quiet: boolean;
  /** Folder for the steps' whole logs; missing: none are written. */
  logDirectory?: string;
  /** Write them into a folder of the run's id in there. */
  logsByRun?: boolean;
  stdout: NodeJS.WriteStream;
}

/** Who consumes a run's events. */
export interface Reporters {
  all: readonly Reporter[];
  /** Asks the one that keeps whole logs, when there is one, whether it lacks a step's. */
  lacksLog?: (stepId: string) => boolean;
  /**
   * Looks whether the stages' logs can be written, before anything happens.
   * @throws RefusedPathError
   */
  checkLogs?: (stages: readonly string[]) => Promise<void>;
  /** The folder where the logs of a run stay, when there is one for each run. */
  logsOf?: (runId: string) => string;
}

/** The reporters that the user asked for. */
export async function createReporters(options: ReporterOptions): Promise<Reporters> {
  const { format, stdout, logDirectory } = options;
  const tree = format === 'tree' || (format === 'auto' && isLive(stdout));
  const shown = tree
    ? (await import('../adapters/report/tree.ts')).createTreeReporter(stdout)
    : lineReporter(options);
  if (logDirectory === undefined) return { all: [shown] };
  const { logsByRun: byRun = false } = options;
  const files = createLogFileReporter(logDirectory, { byRun });
  return {
    all: [files, shown],
    lacksLog: (stepId) => files.lacks(stepId),
    checkLogs: (stages) => files.check(stages),
    ...(byRun ? { logsOf: (runId: string) => path.resolve(logDirectory, runId) } : {}),
  };
}

function lineReporter({ format, stdout, timestamps, quiet }: ReporterOptions): Reporter {
  const output = new Output(stdout);
  return format === 'json' ? createJsonReporter(output) : createPlainReporter({ output, timestamps, quiet });
}
