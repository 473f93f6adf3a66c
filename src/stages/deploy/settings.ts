import * as z from '../../base/zod.ts';
import { parseDuration } from '../../base/duration.ts';

const name = z
  .string()
  .check(
    z.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"'),
    z.maxLength(63),
  );

const duration = z
  .string()
  .check(z.regex(/^(?:\d+(?:ms|[smhd]))+$/, 'must be a duration like 90s, 2m or 1h30m'));

const count = z.union([
  z.int().check(z.minimum(0)),
  z.string().check(z.regex(/^\d+%$/, 'must be a number or a percentage like 25%')),
]);

/** `strategy.rolling`: how Kubernetes replaces the pods, and when that counts as failed. */
const rollingSettings = z.described(
  'Replace the pods a few at a time, follow the new ones, go back when they fail',
  z.strictObject({
    maxSurge: z.described(
      'Pods above the wanted number while replacing; default: the manifest, or 25%',
      z.optional(count),
    ),
    maxUnavailable: z.described(
      'Pods that may be missing while replacing; default: the manifest, or 0, so that no capacity is lost',
      z.optional(count),
    ),
    progressDeadline: z.described(
      'Time without progress after which a Deployment has failed; default: the manifest, or 10m',
      z.optional(duration),
    ),
    restartLimit: z.described(
      'Restarts after which a container in CrashLoopBackOff counts as failed; default 1',
      z.optional(z.int().check(z.minimum(1))),
    ),
  }),
);

/** What `deploy:` holds. */
export const deploySettings = z.described(
  'Release manifests to a namespace',
  z.strictObject({
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
    namespace: z.described(
      'Namespace of objects that do not say; default: that of the run',
      z.optional(name),
    ),
    createNamespace: z.described(
      'Make the namespace when it is not there; default false',
      z.optional(z.boolean()),
    ),
    images: z.described(
      'Container name to image; default: the pushed image for containers of its repository',
      z.optional(z.record(z.string(), z.string().check(z.minLength(1)))),
    ),
    strategy: z.described(
      'How the new version replaces the old one; default rolling',
      z.optional(z.strictObject({ rolling: z.optional(rollingSettings) })),
    ),
    configuration: z.described(
      'versioned (default): ConfigMaps and Secrets that workloads use get a name per content, so that going back brings them back; inPlace: applied as they are',
      z.optional(z.enum(['versioned', 'inPlace'])),
    ),
    prune: z.described(
      'Delete objects that earlier releases had and this one has not; default false',
      z.optional(z.boolean()),
    ),
    force: z.described('Take fields over that other managers own; default false', z.optional(z.boolean())),
    rollback: z.described(
      'What to do when the release fails; default auto',
      z.optional(z.enum(['auto', 'never'])),
    ),
    timeout: z.described(
      'Time for the pods to be replaced, and again for going back; default 10m',
      z.optional(duration),
    ),
    lockTimeout: z.described(
      'Time to wait while another run releases the application; default 10m',
      z.optional(duration),
    ),
  }),
);

/** `deploy:` as parsed. */
export type DeploySettings = z.infer<typeof deploySettings>;

/** Milliseconds of an optional duration. */
export function durationOr(text: string | undefined, defaultMs: number): number {
  return text === undefined ? defaultMs : parseDuration(text);
}
