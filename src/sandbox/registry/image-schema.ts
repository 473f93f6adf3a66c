import * as z from '../../base/zod.ts';

const descriptor = z.object({ digest: z.string() });
const platform = z.object({ architecture: z.string(), os: z.string() });
/** An image's manifest, or the index of several. */
export const manifestSchema = z.object({
  config: z.optional(descriptor),
  layers: z.optional(z.array(descriptor)),
  manifests: z.optional(z.array(z.extend(descriptor, { platform: z.optional(platform) }))),
});
const strings = z.nullish(z.array(z.string()));
const runConfig = z.object({
  Entrypoint: strings,
  Cmd: strings,
  Env: strings,
  WorkingDir: z.nullish(z.string()),
});
/** An image's config. */
export const configSchema = z.object({ config: z._default(runConfig, {}) });
