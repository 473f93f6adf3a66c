import * as z from 'zod';
import type { AnyStageKind } from '../../ports/stage.ts';
import { environment } from './environment.ts';
import { dnsLabel, duration, identifier } from './scalars.ts';

const matrixValue = z.union([z.string(), z.number(), z.boolean()]);

/** The fields that a stage of every kind has. */
export const commonFields = {
  name: dnsLabel.describe('Unique in the file.'),
  needs: z
    .array(z.string())
    .optional()
    .describe('Stages that must be done before. Default: all that are written before; [] for none.'),
  when: z
    .union([z.string().min(1), z.boolean().transform(String)])
    .optional()
    .describe('CEL, without ${{ }}; the stage is skipped when it is false.'),
  matrix: z
    .record(identifier, z.array(matrixValue).min(1))
    .optional()
    .describe('Runs the stage once for each combination of values.'),
  retry: z
    .strictObject({
      max: z.number().int().min(0).max(10).describe('Further attempts.'),
      on: z
        .array(z.enum(['infrastructure', 'failure']))
        .min(1)
        .optional()
        .describe('Default: [infrastructure].'),
      backoff: duration
        .optional()
        .describe('Before the second attempt, doubled before each further one. Default: 5s.'),
    })
    .optional(),
  timeout: duration.optional().describe('Of one attempt.'),
  allowFailure: z.boolean().optional().describe('Go on when it fails.'),
  env: environment.optional(),
  container: z.string().min(1).optional().describe('A name of agent.containers. Default: the first one.'),
};

/** The common part of a stage, durations in milliseconds. */
export const commonStage = z.object(commonFields);

/** The whole schema of a stage of one kind: what every stage has, and what the kind has. */
export function stageOf(kind: AnyStageKind): z.ZodObject {
  let schema = schemas.get(kind);
  if (schema === undefined) schemas.set(kind, (schema = z.strictObject({ ...commonFields, ...kind.fields })));
  return schema;
}

const schemas = new WeakMap<AnyStageKind, z.ZodObject>();

/** Keys of a stage in any kind, for hints. */
export function stageKeys(kinds: readonly AnyStageKind[]): string[] {
  return [...new Set([...Object.keys(commonFields), ...kinds.flatMap((kind) => Object.keys(kind.fields))])];
}
