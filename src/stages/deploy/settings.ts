import * as z from 'zod';
import { parseDuration } from '../../base/duration.ts';

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"')
  .max(63);

const duration = z.string().regex(/^(?:\d+(?:ms|[smhd]))+$/, 'must be a duration like 90s, 2m or 1h30m');

const count = z.union([
  z.int().min(0),
  z.string().regex(/^\d+%$/, 'must be a number or a percentage like 25%'),
]);

/** `strategy.rolling`: how Kubernetes replaces the pods, and when that counts as failed. */
const rollingSettings = z
  .strictObject({
    maxSurge: count
      .optional()
      .describe('Pods above the wanted number while replacing; default: the manifest, or 25%'),
    maxUnavailable: count
      .optional()
      .describe(
        'Pods that may be missing while replacing; default: the manifest, or 0, so that no capacity is lost',
      ),
    progressDeadline: duration
      .optional()
      .describe('Time without progress after which a Deployment has failed; default: the manifest, or 10m'),
    restartLimit: z
      .int()
      .min(1)
      .optional()
      .describe('Restarts after which a container in CrashLoopBackOff counts as failed; default 1'),
  })
  .describe('Replace the pods a few at a time, follow the new ones, go back when they fail');

/** What `deploy:` holds. */
export const deploySettings = z
  .strictObject({
    manifests: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .describe('Manifest files or globs in the checkout; each may hold several YAML documents'),
    application: name
      .optional()
      .describe('What is released; default: the pipeline. Two deploy stages of a pipeline need two names'),
    namespace: name.optional().describe('Namespace of objects that do not say; default: that of the run'),
    createNamespace: z
      .boolean()
      .optional()
      .describe('Make the namespace when it is not there; default false'),
    images: z
      .record(z.string(), z.string().min(1))
      .optional()
      .describe('Container name to image; default: the pushed image for containers of its repository'),
    strategy: z
      .strictObject({ rolling: rollingSettings.optional() })
      .optional()
      .describe('How the new version replaces the old one; default rolling'),
    configuration: z
      .enum(['versioned', 'inPlace'])
      .optional()
      .describe(
        'versioned (default): ConfigMaps and Secrets that workloads use get a name per content, so that going back brings them back; inPlace: applied as they are',
      ),
    prune: z
      .boolean()
      .optional()
      .describe('Delete objects that earlier releases had and this one has not; default false'),
    force: z.boolean().optional().describe('Take fields over that other managers own; default false'),
    rollback: z
      .enum(['auto', 'never'])
      .optional()
      .describe('What to do when the release fails; default auto'),
    timeout: duration
      .optional()
      .describe('Time for the pods to be replaced, and again for going back; default 10m'),
    lockTimeout: duration
      .optional()
      .describe('Time to wait while another run releases the application; default 10m'),
  })
  .describe('Release manifests to a namespace');

/** `deploy:` as parsed. */
export type DeploySettings = z.infer<typeof deploySettings>;

/** Milliseconds of an optional duration. */
export function durationOr(text: string | undefined, defaultMs: number): number {
  return text === undefined ? defaultMs : parseDuration(text);
}
