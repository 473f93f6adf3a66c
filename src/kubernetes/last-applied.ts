import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { isFields } from '../base/fields.ts';

/** Annotation in which `kubectl apply` keeps what it was given. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** What `kubectl apply` was given last; any field may be missing. */
export function lastAppliedOf({ metadata }: KubernetesObject): Record<string, unknown> | undefined {
  const text = metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    const data: unknown = JSON.parse(text);
    return isFields(data) ? data : undefined;
  } catch {
    return undefined; // Not kubectl's: it says nothing.
  }
}
