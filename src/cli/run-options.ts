import path from 'node:path';
import type { Argv } from 'yargs';
import type { DriveSettings } from '../app/drive-settings.ts';
import type { ReporterOptions } from '../app/reporters.ts';
import { parseDuration } from '../base/duration.ts';
import { clusterOptions } from './cluster-options.ts';

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
      describe: 'begin each plain line with the time',
    })
    .option('quiet', {
      alias: 'q',
      type: 'boolean',
      default: false,
      describe: 'leave the steps’ output out of plain lines',
    })
    .option('log-dir', {
      type: 'string',
      describe: 'write each stage’s whole output to a file of this folder',
    });
}

/** The options of commands that drive a run. */
export function runOptions<T>(yargs: Argv<T>) {
  return outputOptions(clusterOptions(yargs))
    .option('results', {
      type: 'string',
      default: 'slipway-results',
      describe: 'folder for collected artifacts and test reports',
    })
    .option('keep-agent', {
      type: 'boolean',
      default: false,
      describe: 'leave the agent pod for looking around',
    })
    .option('docker-host', {
      type: 'string',
      describe: 'Docker Engine; default: $DOCKER_HOST, else /var/run/docker.sock',
    })
    .option('retry-budget', {
      type: 'string',
      default: '2m',
      describe: 'how long an API that does not answer is tried again',
    });
}

/** What the options of {@link runOptions} say. @throws ArgumentError, InputError */
export function driveSettings(args: Record<string, unknown>): DriveSettings {
  return {
    reporters: reporterOptions(args),
    resultsDirectory: path.resolve(String(args['results'])),
    keepAgent: args['keepAgent'] === true,
    retryBudgetMs: parseDuration(String(args['retryBudget'])),
    debug: args['debug'] === true,
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
