import * as z from '../../base/zod.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { isWorkloadReference } from '../../kubernetes/workload-objects.ts';

/** What YAML 1.1 reads as something else is the usual reason: `version: 1.10`, `enabled: yes`. */
const text = z.string({
  error: ({ input }) =>
    typeof input === 'number' || typeof input === 'boolean'
      ? `expected text, found ${typeof input === 'number' ? 'a number' : 'true or false'}: put it in quotes`
      : undefined,
});
const name = text.check(z.minLength(1));
const texts = z.optional(z.record(z.string(), text));

const object = z.looseObject({
  apiVersion: text.check(z.regex(/^([a-z0-9.-]+\/)?v[a-z0-9]+$/, 'must be like v1 or apps/v1')),
  kind: text.check(z.regex(/^[A-Z][A-Za-z0-9]*$/, 'must be a kind like Deployment')),
  metadata: z.looseObject({ name, namespace: z.optional(name), labels: texts, annotations: texts }),
});

const containers = z.optional(
  z.array(z.looseObject({ name, image: z.optional(text), ports: z.optional(z.array(z.looseObject({}))) })),
);
const podSpec = z.looseObject({ containers, initContainers: containers });
const podTemplate = z.looseObject({
  metadata: z.optional(z.looseObject({ labels: texts, annotations: texts })),
  spec: podSpec,
});
const rollingUpdate = z.optional(z.looseObject({}));
const workloadSpec = z.looseObject({
  template: podTemplate,
  selector: z.optional(z.looseObject({ matchLabels: texts })),
  strategy: z.optional(z.looseObject({ rollingUpdate })),
  updateStrategy: z.optional(z.looseObject({ rollingUpdate })),
});
const cronJobSpec = z.looseObject({
  jobTemplate: z.looseObject({ spec: z.looseObject({ template: podTemplate }) }),
});
const serviceSpec = z.looseObject({ selector: texts, ports: z.optional(z.array(z.looseObject({}))) });
const autoscalerSpec = z.looseObject({ scaleTargetRef: z.looseObject({ kind: name, name }) });
const definitionSpec = z.looseObject({
  group: name,
  scope: text,
  names: z.looseObject({ kind: name }),
  versions: z.optional(z.array(z.looseObject({ name }))),
});

/** What of a kind's `spec` a release reads. */
const specs: Partial<Record<string, z.ZodMiniType>> = {
  Pod: podSpec,
  CronJob: cronJobSpec,
  Service: z.optional(serviceSpec),
  HorizontalPodAutoscaler: autoscalerSpec,
  CustomResourceDefinition: definitionSpec,
};

/** Where in an object something is wrong. */
export interface ShapeIssue {
  path: readonly PropertyKey[];
  message: string;
}

/**
 * Reads of an object what a release itself needs, so that what comes later finds it; everything else is the API's to
 * check.
 */
export function readShape(item: unknown): { object: KubernetesObject } | { issues: readonly ShapeIssue[] } {
  const parsed = object.safeParse(item);
  if (!parsed.success) return { issues: parsed.error.issues };
  const found = parsed.data as KubernetesObject;
  const isWorkload = isWorkloadReference(found);
  const own = isKubernetesOwn(found.apiVersion) ? specs[found.kind] : undefined;
  const spec = isWorkload && found.kind !== 'Pod' ? workloadSpec : own;
  const checked = spec?.safeParse(found['spec']);
  if (checked?.success === false)
    return {
      issues: checked.error.issues.map(({ path, message }) => ({ path: ['spec', ...path], message })),
    };
  return { object: found };
}

/** Another group may have a Service of its own. */
function isKubernetesOwn(apiVersion: string): boolean {
  return /^(?:v1|(?:batch|autoscaling|apiextensions\.k8s\.io)\/.+)$/.test(apiVersion);
}
