import { isFields, type Fields } from '../../base/fields.ts';
import { isWorkloadReference } from '../../kubernetes/workload-objects.ts';

/** Kinds of Kubernetes' own, beside workloads, of which a release reads more than the metadata. */
const readKinds = new Set(['Service', 'ConfigMap', 'Secret', 'CronJob', 'HorizontalPodAutoscaler']);
const readGroups = new Set(['', 'batch', 'autoscaling']);

/** Fields whose values are texts: `null` there is the empty text, as the API stores it. */
const textMaps = new Set([
  ...['labels', 'annotations', 'matchLabels', 'nodeSelector'],
  ...['data', 'stringData', 'binaryData'],
]);

/**
 * Takes out what stands in an object without a value (`annotations:`), as the API does: in the metadata of all objects,
 * and everywhere in the kinds that a release reads. In other kinds `null` may mean something. An empty namespace is none.
 */
export function withoutNullFields(item: unknown): unknown {
  if (!isFields(item)) return item;
  const { apiVersion, kind } = item;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return item;
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const isRead = isWorkloadReference({ apiVersion, kind }) || (readKinds.has(kind) && readGroups.has(group));
  const cleaned = isRead ? (clean(item) as Fields) : { ...item, metadata: clean(item['metadata']) };
  const { spec, metadata } = cleaned;
  // That of a Service is a map of texts; those of other kinds hold one.
  if (kind === 'Service' && isFields(spec) && isFields((item['spec'] as Fields)['selector']))
    spec['selector'] = texts((item['spec'] as Fields)['selector'] as Fields);
  if (isFields(metadata) && metadata['namespace'] === '') Reflect.deleteProperty(metadata, 'namespace');
  return cleaned;
}

function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (!isFields(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(
    fields.map(([key, field]) => [key, textMaps.has(key) && isFields(field) ? texts(field) : clean(field)]),
  );
}

function texts(field: Fields): Fields {
  return Object.fromEntries(Object.entries(field).map(([key, value]) => [key, value ?? '']));
}
