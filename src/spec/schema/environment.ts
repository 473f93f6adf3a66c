import { defined } from '../../base/defined.ts';
import * as z from '../../base/zod.ts';
import type { Environment, EnvironmentValue } from '../../ports/secrets.ts';
import { variableName } from './scalars.ts';

const value = z.pipe(
  z.union([
    z.string(),
    z.number(),
    z.boolean(),
    z.strictObject({
      secret: z.described('A name of `secrets`.', z.string().check(z.minLength(1))),
      key: z.described(
        'The key of the secret; needed when it has several.',
        z.optional(z.string().check(z.minLength(1))),
      ),
    }),
  ]),
  z.transform((written): EnvironmentValue => {
    if (typeof written !== 'object') return { type: 'plain', value: String(written) };
    return {
      type: 'secret',
      secret: written.secret,
      ...defined({ key: written.key }),
    };
  }),
);

/** `env:`: variables with plain values or values of secrets. */
export const environment = z.described(
  'Environment variables: plain values, or {secret: NAME, key: KEY}.',
  z.pipe(
    z.record(variableName, value),
    z.transform((variables): Environment => variables),
  ),
);
