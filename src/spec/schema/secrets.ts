import { defined } from '../../base/defined.ts';
import * as z from '../../base/zod.ts';
import type { SecretSource } from '../../ports/secrets.ts';
import { objectName, variableName } from './scalars.ts';

const source = z.described(
  'Where a secret comes from: a Kubernetes Secret, or a variable or a file of the machine that runs the CLI.',
  z.union([
    z.pipe(
      z.strictObject({ kubernetes: z.strictObject({ name: objectName, namespace: z.optional(objectName) }) }),
      z.transform(({ kubernetes: { name, namespace } }): SecretSource => ({
        type: 'kubernetes',
        name,
        ...defined({ namespace }),
      })),
    ),
    z.pipe(
      z.strictObject({ env: variableName }),
      z.transform(({ env }): SecretSource => ({ type: 'env', variable: env })),
    ),
    z.pipe(
      z.strictObject({ file: z.string().check(z.minLength(1)) }),
      z.transform(({ file }): SecretSource => ({ type: 'file', path: file })),
    ),
  ]),
);

/** `secrets:`. */
export const secrets = z.record(
  z
    .string()
    .check(
      z.regex(
        /^[A-Za-z][A-Za-z0-9_-]*$/,
        'the name of a secret holds letters, digits, "-" and "_", and begins with a letter',
      ),
    ),
  source,
);
