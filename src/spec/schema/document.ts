import * as z from 'zod';
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
  name: dnsLabel.describe('Names the pipeline; objects in the cluster are named after it.'),
  parameters: parameters.optional().describe('What a run may be given: pipeline run -p NAME=VALUE.'),
  env: environment.optional(),
  secrets: secrets.optional(),
  agent: agent.optional(),
  timeout: duration.optional().describe('Of the whole run, finally stages apart. Default: 1h.'),
};

/** The file with its stages as plain objects. */
export const document = z.strictObject({
  ...documentFields,
  stages: z.array(z.record(z.string(), z.unknown())).min(1),
  finally: z.array(z.record(z.string(), z.unknown())).optional(),
});

/** The document as the schema gives it. */
export type ParsedDocument = z.infer<typeof document>;

/** Keys that belong to the file's format but that this version does not act on; they are refused, never ignored. */
export const notSupportedYet: Readonly<Record<string, string>> = {
  extends: 'write the stages in this file',
  triggers: 'start runs from your CI server with `pipeline run`',
  concurrency: 'keep runs apart by a lock of the CI server that starts them',
  notify: 'tell people from a stage under `finally`',
};
