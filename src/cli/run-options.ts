import path from 'node:path';
import type { Argv } from 'yargs';
import type { RunSettings } from '../app/run-settings.ts';
import type { ReporterOptions } from '../app/reporters.ts';
import { parseDuration } from '../base/duration.ts';
import { clusterOptions } from './cluster-options.ts';
import { policyFiles, policyOption } from './policy-option.ts';

/** The options that `run`, `resume` and `attach` share: how a run is shown. */
export function outputOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('output', {
      choices: ['auto', 'tree', 'plain', 'json'] as const,
      default: 'auto' as const,
      describe: 'a live tree, plain lines, or events as JSON lines; auto: a tree on a terminal, else plain',
    })
    .option('timestamps', {
      type: 'boolean',
      default: false,
      describe: 'prefix each plain line with the time',
    })
    .option('quiet', {
      alias: 'q',
      type: 'boolean',
      default: false,
      describe: 'hide the output of steps and image builds, but the last lines of what fails (plain output)',
    })
    .option('log-dir', {
      type: 'string',
      describe:
        'write the full log of each stage to a file in this folder (a run: in place of RESULTS/logs/RUN)',
    });
}

/** The options of commands that own a run. */
export function runOptions<T>(yargs: Argv<T>) {
  return outputOptions(clusterOptions(yargs))
    .option('policy', policyOption)
    .option('results', {
      type: 'string',
      default: 'slipway-results',
      describe: 'folder for collected artifacts, test reports and logs',
    })
    .option('keep-agent', {
      type: 'boolean',
      default: false,
      describe: 'keep the agent pod for debugging',
    })
    .option('docker-host', {
      type: 'string',
      describe: 'Docker Engine; default: $DOCKER_HOST, else /var/run/docker.sock',
    })
    .option('retry-budget', {
      type: 'string',
      default: '2m',
      describe: 'how long to retry when the API does not answer',
    });
}

/** What the options of {@link runOptions} say. @throws ArgumentError, InputError */
export function driveSettings(args: Record<string, unknown>): RunSettings {
  const resultsDirectory = path.resolve(String(args['results']));
  const logs = { logDirectory: path.join(resultsDirectory, 'logs'), logsByRun: true };
  return {
    reporters: { ...(args['logDir'] === undefined ? logs : {}), ...reporterOptions(args) },
    resultsDirectory,
    keepAgent: args['keepAgent'] === true,
    retryBudgetMs: parseDuration(String(args['retryBudget'])),
    debug: args['debug'] === true,
    policyFiles: policyFiles(args),
    ...(typeof args['dockerHost'] === 'string' ? { dockerHost: args['dockerHost'] } : {}),
  };
}

/** How the run is shown. */
export function reporterOptions(args: Record<string, unknown>): ReporterOptions {
  return {
    format: args['output'] as ReporterOptions['format'],
    timestamps: args['timestamps'] === true,
    quiet: args['quiet'] === true,
    stdout: process.stdout,
    ...(typeof args['logDir'] === 'string' ? { logDirectory: args['logDir'] } : {}),
  };
}
