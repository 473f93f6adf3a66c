import * as z from '../../base/zod.ts';
import { agent } from './agent.ts';
import { environment } from './environment.ts';
import { parameters } from './parameters.ts';
import { dnsLabel, duration } from './scalars.ts';
import { secrets } from './secrets.ts';

/** Value of `apiVersion`. */
export const apiVersion = 'slipway.dev/v1';

/** The file but for its stages, which are checked by their kinds. */
export const documentFields = {
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Pipeline'),
  name: dnsLabel.check(z.describe('Names the pipeline; objects in the cluster are named after it.')),
  parameters: z.described('Parameters of a run: pipeline run -p NAME=VALUE.', z.optional(parameters)),
  env: z.optional(environment),
  secrets: z.optional(secrets),
  agent: z.optional(agent),
  timeout: z.described(
    'Time limit of the whole run, without its finally stages. Default: 1h.',
    z.optional(duration),
  ),
};

/** The file with its stages as plain objects. */
export const document = z.strictObject({
  ...documentFields,
  stages: z.array(z.record(z.string(), z.unknown())).check(z.minLength(1)),
  finally: z.optional(z.array(z.record(z.string(), z.unknown()))),
});

/** The document as the schema gives it. */
export type ParsedDocument = z.infer<typeof document>;

/** Keys that belong to the file's format but that this version does not act on; they are refused, never ignored. */
export const notSupportedYet: Readonly<Record<string, string>> = {
  extends: 'write the stages in this file',
  triggers: 'start runs from your CI server with `pipeline run`',
  concurrency: 'use a lock of the CI server that starts the runs',
  notify: 'send notifications from a stage under `finally`',
};
