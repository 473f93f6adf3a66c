import { defined } from '../../../base/defined.ts';
import * as z from '../../../base/zod.ts';

const words = z.nullish(z.array(z.string()));

/** The part of an image's configuration that containers start with; keys as the specification writes them. */
export type RunConfig = z.infer<typeof RunConfig>;

const RunConfig = z.looseObject({
  User: z.nullish(z.string()),
  ExposedPorts: z.nullish(z.record(z.string(), z.unknown())),
  Env: words,
  Entrypoint: words,
  Cmd: words,
  Volumes: z.nullish(z.record(z.string(), z.unknown())),
  WorkingDir: z.nullish(z.string()),
  Labels: z.nullish(z.record(z.string(), z.string())),
  StopSignal: z.nullish(z.string()),
  Healthcheck: z.optional(z.unknown()),
  Shell: words,
  OnBuild: words,
});

/** One line of an image's history. */
export interface HistoryEntry {
  created: string;
  created_by: string;
  comment?: string;
  empty_layer?: boolean;
}

/** An image's configuration: https://github.com/opencontainers/image-spec/blob/main/config.md */
export type ImageConfig = z.infer<typeof ImageConfig>;

/** See {@link ImageConfig}. */
export const ImageConfig = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.optional(z.string()),
  author: z.optional(z.string()),
  config: z.nullish(RunConfig),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.nullish(z.array(z.string())) }),
  history: z.nullish(z.array(z.looseObject({ empty_layer: z.optional(z.boolean()) }))),
});

/** `os/architecture[/variant]`. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

const architectures: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
};

/** Reads `linux/arm64`; missing: Linux on the runner's own kind of processor. */
export function parsePlatform(text: string | undefined): Platform {
  const [os = 'linux', architecture, variant] = text?.split('/') ?? [];
  return {
    os,
    architecture: architecture ?? architectures[process.arch] ?? process.arch,
    ...defined({ variant }),
  };
}

/** The configuration of an image without anything in it. */
export function emptyConfig(platform: Platform): ImageConfig {
  return {
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: [] },
    history: [],
  };
}

/** The environment of a configuration, by name. */
export function environmentOf(config: RunConfig): Map<string, string> {
  return new Map(
    (config.Env ?? []).map((line) => {
      const equals = line.indexOf('=');
      return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}
