import * as z from 'zod';
import { identifier } from './scalars.ts';

const common = {
  required: z.boolean().optional().describe('Whether a run must give it. Default: when there is no default.'),
  description: z.string().optional(),
};

const pattern = z.string().superRefine((text, context) => {
  try {
    new RegExp(text, 'u');
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: error instanceof Error ? error.message : 'not a regular expression',
    });
  }
});

const parameter = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('string'),
    default: z.string().optional(),
    pattern: pattern.optional().describe('A regular expression that the whole value must match.'),
    ...common,
  }),
  z.strictObject({
    type: z.literal('choice'),
    options: z.array(z.string()).min(1),
    default: z.string().optional(),
    ...common,
  }),
  z.strictObject({ type: z.literal('boolean'), default: z.boolean().optional(), ...common }),
  z.strictObject({ type: z.literal('number'), default: z.number().optional(), ...common }),
]);

/** `parameters:`. */
export const parameters = z.record(identifier, parameter);

/** One parameter as the schema gives it. */
export type ParsedParameter = z.infer<typeof parameter>;
