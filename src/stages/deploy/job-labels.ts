import { InputError } from '../../base/errors.ts';
import type { AnalysesByName } from '../../analysis/settings.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/**
 * The pods of a Job that measures must get none of the application's requests.
 * @throws InputError when a Service of the manifests selects them
 */
export function assertUnselected(
  analyses: AnalysesByName | undefined,
  objects: readonly KubernetesObject[],
): void {
  const services = objects.filter(({ kind, apiVersion }) => kind === 'Service' && apiVersion === 'v1');
  for (const [name, { job }] of Object.entries(analyses ?? {})) {
    const labels = job?.template.metadata?.labels ?? {};
    const selecting = services.find((service) => selects(service, labels));
    if (selecting === undefined) continue;
    throw new InputError(
      `deploy.analyses.${name}: Service ${selecting.metadata.name} selects the pods of its Job, which would get requests`,
      { hint: 'give job.template.metadata.labels that no Service selects' },
    );
  }
}

function selects(service: KubernetesObject, labels: Readonly<Record<string, string>>): boolean {
  const { selector = {} } = (service as { spec?: { selector?: Record<string, string> } }).spec ?? {};
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
