import * as z from '../../base/zod.ts';
import { identifier } from './scalars.ts';

const common = {
  required: z.described(
    'Whether a run must set it. Default: true for a parameter without a default.',
    z.optional(z.boolean()),
  ),
  description: z.optional(z.string()),
};

const parameter = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('string'),
    default: z.optional(z.string()),
    pattern: z.described(
      'A regular expression in RE2 syntax that the whole value must match; no look-arounds, no back-references.',
      z.optional(z.string()),
    ),
    ...common,
  }),
  z.strictObject({
    type: z.literal('choice'),
    options: z.array(z.string()).check(z.minLength(1)),
    default: z.optional(z.string()),
    ...common,
  }),
  z.strictObject({ type: z.literal('boolean'), default: z.optional(z.boolean()), ...common }),
  z.strictObject({ type: z.literal('number'), default: z.optional(z.number()), ...common }),
]);

/** `parameters:`. */
export const parameters = z.record(identifier, parameter);

/** One parameter as the schema gives it. */
export type ParsedParameter = z.infer<typeof parameter>;
