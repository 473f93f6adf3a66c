import * as z from '../../base/zod.ts';
import type { AnyStageKind } from '../../ports/stage.ts';
import { environment } from './environment.ts';
import { dnsLabel, duration, identifier } from './scalars.ts';

const matrixValue = z.union([z.string(), z.number(), z.boolean()]);

/** The fields that a stage of every kind has. */
export const commonFields = {
  name: dnsLabel.check(z.describe('Unique in the file.')),
  needs: z.described(
    'Stages that must be done before. Default: all that are written before; [] for none.',
    z.optional(z.array(z.string())),
  ),
  when: z.described(
    'CEL, without ${{ }}; the stage is skipped when it is false.',
    z.optional(z.union([z.string().check(z.minLength(1)), z.pipe(z.boolean(), z.transform(String))])),
  ),
  matrix: z.described(
    'Runs the stage once for each combination of values.',
    z.optional(z.record(identifier, z.array(matrixValue).check(z.minLength(1)))),
  ),
  retry: z.optional(
    z.strictObject({
      max: z.described('Further attempts.', z.int().check(z.minimum(0), z.maximum(10))),
      on: z.described(
        'Default: [infrastructure].',
        z.optional(z.array(z.enum(['infrastructure', 'failure'])).check(z.minLength(1))),
      ),
      backoff: z.described(
        'Before the second attempt, doubled before each further one. Default: 5s.',
        z.optional(duration),
      ),
    }),
  ),
  timeout: z.described('Of one attempt.', z.optional(duration)),
  allowFailure: z.described('Go on when it fails.', z.optional(z.boolean())),
  env: z.optional(environment),
  container: z.described(
    'A name of agent.containers. Default: the first one.',
    z.optional(z.string().check(z.minLength(1))),
  ),
};

/** The common part of a stage, durations in milliseconds. */
export const commonStage = z.object(commonFields);

/** The whole schema of a stage of one kind: what every stage has, and what the kind has. */
export function stageOf(kind: AnyStageKind): z.ZodMiniObject {
  let schema = schemas.get(kind);
  if (schema === undefined) schemas.set(kind, (schema = z.strictObject({ ...commonFields, ...kind.fields })));
  return schema;
}

const schemas = new WeakMap<AnyStageKind, z.ZodMiniObject>();

/** Keys of a stage in any kind, for hints. */
export function stageKeys(kinds: readonly AnyStageKind[]): string[] {
  return [...new Set([...Object.keys(commonFields), ...kinds.flatMap((kind) => Object.keys(kind.fields))])];
}
