import * as z from 'zod';
import type { SecretSource } from '../../ports/secrets.ts';
import { objectName, variableName } from './scalars.ts';

const source = z
  .union([
    z
      .strictObject({ kubernetes: z.strictObject({ name: objectName, namespace: objectName.optional() }) })
      .transform(({ kubernetes: { name, namespace } }): SecretSource => ({
        type: 'kubernetes',
        name,
        ...(namespace === undefined ? {} : { namespace }),
      })),
    z
      .strictObject({ env: variableName })
      .transform(({ env }): SecretSource => ({ type: 'env', variable: env })),
    z
      .strictObject({ file: z.string().min(1) })
      .transform(({ file }): SecretSource => ({ type: 'file', path: file })),
  ])
  .describe(
    'Where a secret comes from: a Kubernetes Secret, or a variable or a file of the machine that runs the CLI.',
  );

/** `secrets:`. */
export const secrets = z.record(
  z
    .string()
    .regex(
      /^[A-Za-z][A-Za-z0-9_-]*$/,
      'the name of a secret holds letters, digits, "-" and "_", and begins with a letter',
    ),
  source,
);
