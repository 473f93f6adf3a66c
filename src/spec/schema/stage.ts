import * as z from '../../base/zod.ts';
import type { StageDefinition } from '../../ports/stage.ts';
import { environment } from './environment.ts';
import { dnsLabel, duration, identifier } from './scalars.ts';

const matrixValue = z.union([z.string(), z.number(), z.boolean()]);

/** The fields that a stage of every kind has. */
export const commonFields = {
  name: dnsLabel.check(z.describe('Unique in the file.')),
  needs: z.described(
    'Stages that must finish first. Default: all stages before it in the file; [] for none.',
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
      max: z.described('Attempts after the first one.', z.int().check(z.minimum(0), z.maximum(10))),
      on: z.described(
        'Default: [infrastructure].',
        z.optional(z.array(z.enum(['infrastructure', 'failure'])).check(z.minLength(1))),
      ),
      backoff: z.described(
        'Wait before the second attempt; doubled for each further one. Default: 5s.',
        z.optional(duration),
      ),
    }),
  ),
  timeout: z.described('Time limit of one attempt.', z.optional(duration)),
  allowFailure: z.described('Continue the run when this stage fails.', z.optional(z.boolean())),
  env: z.optional(environment),
  container: z.described(
    'A name of agent.containers. Default: the first one.',
    z.optional(z.string().check(z.minLength(1))),
  ),
};

/** The common part of a stage, durations in milliseconds. */
export const commonStage = z.object(commonFields);

/** The whole schema of a stage of one kind: what every stage has, and what the kind has. */
export function stageOf(kind: StageDefinition): z.ZodMiniObject {
  let schema = schemas.get(kind);
  if (schema === undefined) schemas.set(kind, (schema = z.strictObject({ ...commonFields, ...kind.fields })));
  return schema;
}

/** As stageOf, for a stage that has several kinds by mistake: what any of them has is known. */
export function stageOfAny(kinds: readonly StageDefinition[]): z.ZodMiniObject {
  const fields = Object.assign({}, ...kinds.map((kind) => kind.fields)) as StageDefinition['fields'];
  return z.strictObject({ ...commonFields, ...fields });
}

const schemas = new WeakMap<StageDefinition, z.ZodMiniObject>();

/** Keys of a stage in any kind, for hints. */
export function stageKeys(definitions: readonly StageDefinition[]): string[] {
  return [
    ...new Set([...Object.keys(commonFields), ...definitions.flatMap((kind) => Object.keys(kind.fields))]),
  ];
}
