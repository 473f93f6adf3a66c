import * as z from 'zod';
import type { Environment, EnvironmentValue } from '../../ports/secrets.ts';
import { variableName } from './scalars.ts';

const value = z
  .union([
    z.string(),
    z.number(),
    z.boolean(),
    z.strictObject({
      secret: z.string().min(1).describe('A name of `secrets`.'),
      key: z.string().min(1).optional().describe('The key of the secret; needed when it has several.'),
    }),
  ])
  .transform((written): EnvironmentValue => {
    if (typeof written !== 'object') return { type: 'plain', value: String(written) };
    return {
      type: 'secret',
      secret: written.secret,
      ...(written.key === undefined ? {} : { key: written.key }),
    };
  });

/** `env:`: variables with plain values or values of secrets. */
export const environment = z
  .record(variableName, value)
  .transform((variables): Environment => variables)
  .describe('Environment variables: plain values, or {secret: NAME, key: KEY}.');
