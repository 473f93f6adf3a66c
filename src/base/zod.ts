import { config, globalRegistry, locales, type core } from 'zod/mini';

/**
 * zod as all of Slipway uses it: its functional form, whose schemas are made in half the time of the form with methods,
 * which every command pays at its start (docs/performance.md).
 */
export * from 'zod/mini';

config(locales.en());

/** Describes a schema that was just made for this place; zod's own way makes a copy of it first. */
export function described<S extends core.$ZodType>(description: string, schema: S): S {
  globalRegistry.add(schema, { description });
  return schema;
}
