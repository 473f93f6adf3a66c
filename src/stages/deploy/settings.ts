import * as z from '../../base/zod.ts';
import { parseDuration } from '../../base/duration.ts';
import { hintFor } from '../../base/nearest.ts';
import { durationText } from '../../base/duration-text.ts';
import { conditionProblems } from '../../analysis/conditions.ts';
import { analysisSettings } from '../../analysis/settings.ts';
import { strategies } from '../../strategies/registry.ts';
import type { Strategy } from '../../strategies/strategy.ts';

const name = z
  .string()
  .check(
    z.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lowercase letters, digits and "-"'),
    z.maxLength(63),
  );

/** The revisions that are kept. */
const widestWindow = 10;

/** The settings of analyses are kept with each revision, all in one ConfigMap of 1 MiB. */
const mostAnalyses = 20;
const longestAnalyses = 32 * 1024;

const byStrategy = strategies.all.map(({ name: key, settings }) => [key, z.optional(settings)] as const);

/** What `deploy.strategy` holds. */
export const strategySettings = z.described(
  'How the new version replaces the old one; default rolling',
  z.optional(
    z
      .strictObject(Object.fromEntries(byStrategy))
      .check(z.refine((chosen) => Object.keys(chosen).length <= 1, 'must name one strategy')),
  ),
);

const fields = z.strictObject({
  manifests: z.described(
    'Manifest files or globs in the checkout; each may hold several YAML documents',
    z.union([
      z.string().check(z.minLength(1)),
      z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
    ]),
  ),
  application: z.described(
    'What is released; default: the pipeline. Two deploy stages of a pipeline need two names',
    z.optional(name),
  ),
  namespace: z.described('Namespace of objects that name none; default: that of the run', z.optional(name)),
  createNamespace: z.described(
    'Create the namespace if it does not exist; default false',
    z.optional(z.boolean()),
  ),
  images: z.described(
    'Container name to image; default: the pushed image for containers of its repository',
    z.optional(z.record(z.string(), z.string().check(z.minLength(1)))),
  ),
  migrate: z.described(
    'A Job that must complete before anything else of a release changes, such as a migration of a database',
    z.optional(
      z.strictObject({
        job: z.described(
          'File in the checkout with the Job, and the ConfigMaps, Secrets and ServiceAccount that it needs',
          z.string().check(z.minLength(1)),
        ),
        timeout: z.described('Time for the Job to complete; default 10m', z.optional(durationText)),
      }),
    ),
  ),
  strategy: strategySettings,
  analyses: z.described(
    'Measurements of the new version that the strategy names, each by a name of its own',
    z.optional(
      z.record(name, analysisSettings).check(
        z.refine((all) => Object.keys(all).length <= mostAnalyses, `must be ${String(mostAnalyses)} at most`),
        z.refine((all) => JSON.stringify(all).length <= longestAnalyses, 'must be 32 KiB together at most'),
      ),
    ),
  ),
  rollbackWindow: z.described(
    'A release whose pods are those of one of so many revisions that were released before the one that serves waits at no pause and measures nothing, as a rollback; default 0: none does so',
    z.optional(z.int().check(z.minimum(0), z.maximum(widestWindow))),
  ),
  configuration: z.described(
    'versioned (default): ConfigMaps and Secrets that workloads use are named by their content, so that a rollback brings them back; inPlace: applied as they are',
    z.optional(z.enum(['versioned', 'inPlace'])),
  ),
  prune: z.described(
    'Delete objects that earlier releases had and this one has not; default false',
    z.optional(z.boolean()),
  ),
  force: z.described(
    'Take over fields that others apply, such as a GitOps controller; default false',
    z.optional(z.boolean()),
  ),
  rollback: z.described(
    'What to do when the release fails; default auto',
    z.optional(z.enum(['auto', 'never'])),
  ),
  timeout: z.described(
    'Time for the pods to be replaced, and again for a rollback; default 10m',
    z.optional(durationText),
  ),
  lockTimeout: z.described(
    'Time to wait while another run releases the application; default 10m',
    z.optional(durationText),
  ),
});

/** What `deploy:` holds. */
export const deploySettings = z.described(
  'Release manifests to a namespace',
  fields.check(
    z.superRefine((settings, context) => {
      const known = Object.keys(settings.analyses ?? {});
      const { strategy, settings: chosen } = chosenStrategy(settings);
      for (const { name: named, path } of strategy.analyses?.(chosen) ?? []) {
        if (known.includes(named)) continue;
        const message = `no analysis of deploy.analyses has this name (${hintFor(named, known)})`;
        context.addIssue({ code: 'custom', path: ['strategy', strategy.name, ...path], message });
      }
      for (const [named, analysis] of Object.entries(settings.analyses ?? {}))
        for (const { key, message } of conditionProblems(analysis))
          context.addIssue({ code: 'custom', path: ['analyses', named, key], message });
    }),
  ),
);

/** `deploy:` as parsed. */
export type DeploySettings = z.infer<typeof fields>;

/** The strategy that the stage names, and its settings; the first one when it names none. */
export function chosenStrategy({ strategy: named = {} }: Pick<DeploySettings, 'strategy'>): {
  strategy: Strategy;
  settings: Record<string, unknown>;
} {
  const [key = strategies.all[0].name] = Object.keys(named);
  return { strategy: strategies.get(key), settings: { ...named[key] } };
}

/** Milliseconds of an optional duration. */
export function durationOr(text: string | undefined, defaultMs: number): number {
  return text === undefined ? defaultMs : parseDuration(text);
}
