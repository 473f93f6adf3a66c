import * as z from '../../base/zod.ts';
import { parseDuration } from '../../base/duration.ts';

/** A duration such as `90s`, `2m` or `1h30m`; becomes milliseconds. */
export const duration = z.described(
  'A duration such as 90s, 2m or 1h30m.',
  z.pipe(
    z
      .string({ error: 'a duration is written like 90s, 2m or 1h30m' })
      .check(z.regex(/^(?:\d+(?:ms|[smhd]))+$/, 'a duration is written like 90s, 2m or 1h30m')),
    z.transform((text) => parseDuration(text)),
  ),
);

/** A DNS label, as Kubernetes wants names. */
export const dnsLabel = z
  .string()
  .check(
    z.maxLength(63),
    z.regex(
      /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
      'a name holds lowercase letters, digits and "-", and begins with a letter',
    ),
  );

/** The name of a Kubernetes object: DNS labels joined by dots. */
export const objectName = z
  .string()
  .check(
    z.maxLength(253),
    z.regex(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      'the name of a Kubernetes object holds lowercase letters, digits, "-" and "."',
    ),
  );

/** A name that expressions can say: `params.target`. */
export const identifier = z
  .string()
  .check(
    z.regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'a name holds letters, digits and "_", and begins with a letter'),
  );

/** The name of an environment variable. `__proto__` is none: it would not be a key like others. */
export const variableName = z
  .string()
  .check(
    z.regex(
      /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/,
      'a variable name holds letters, digits and "_", and does not begin with a digit',
    ),
  );

/** A TCP port. */
export const port = z.int().check(z.minimum(1), z.maximum(65_535));
