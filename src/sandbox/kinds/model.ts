import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InternalError } from '../../base/errors.ts';
import { gatewayModels } from './gateway-models.ts';
import type { ModelField } from './model-field.ts';

/** A type with what its documentation says. */
export interface ModelDescription {
  description: string;
  fields: (ModelField & { description: string; required: boolean })[];
}

/** What a type holds: one value, a list of them, or a map of them. */
export interface ModelType {
  holds: 'one' | 'list' | 'map';
  of: string;
}

// The types of the Kubernetes API are taken from the client library, which is generated from its OpenAPI document.
// Only the data in its files is read; none of its code is loaded.
const folder = join(
  dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node')),
  'gen',
  'models',
);
const known = new Map<string, readonly ModelField[]>();

/** Fields that hold quantities, after their types: the library has them as plain texts. */
const quantityRows = `
ContainerStatus allocatedResources
EmptyDirVolumeSource sizeLimit
HPAScalingRules tolerance
LimitRangeItem default defaultRequest max maxLimitRequestRatio min
MetricTarget averageValue value
MetricValueStatus averageValue value
NodeStatus allocatable capacity
PersistentVolumeClaimStatus allocatedResources capacity
PersistentVolumeSpec capacity
PodSpec overhead
PodStatus allocatedResources
ResourceFieldSelector divisor
ResourceQuotaSpec hard
ResourceQuotaStatus hard used
ResourceRequirements limits requests
VolumeResourceRequirements limits requests
`;
const quantities = new Set(
  quantityRows.split('\n').flatMap((row) => {
    const [type = '', ...names] = row.split(' ');
    return names.map((name) => `${type}.${name}`);
  }),
);

const isQuantity = (model: string, field: string): boolean =>
  quantities.has(`${model.replace(/^V\d+/, '')}.${field}`);

function source(model: string, extension: string): string {
  try {
    return readFileSync(join(folder, `${model}${extension}`), 'utf8');
  } catch (cause) {
    throw new InternalError(`the Kubernetes type ${model} is not in @kubernetes/client-node`, { cause });
  }
}

/** The fields of a model, e.g. `V1PodSpec`. */
export function fieldsOfModel(model: string): readonly ModelField[] {
  const there = known.get(model) ?? gatewayModels.get(model);
  if (there !== undefined) return there;
  const text = source(model, '.js');
  const table = text.slice(
    text.indexOf('attributeTypeMap = [') + 'attributeTypeMap = '.length,
    text.lastIndexOf(']') + 1,
  );
  const rows = JSON.parse(table) as { baseName: string; type: string; format: string }[];
  const fields = rows.map(({ baseName: name, type, format }) => {
    return { name, type, format: isQuantity(model, name) ? 'quantity' : format };
  });
  known.set(model, fields);
  return fields;
}

/** Takes `Array<T>` and `{ [key: string]: T; }` apart. */
export function parseModelType(type: string): ModelType {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) return { holds: 'list', of: list };
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  return map === undefined ? { holds: 'one', of: type } : { holds: 'map', of: map };
}

/** Whether a type's name is that of a model and not of a plain value. */
export function isModel(type: string): boolean {
  return /^[A-Z]/.test(type) && type !== 'Date' && type !== 'IntOrString' && type !== 'V1MicroTime';
}

/** A comment's text in one line. */
const plain = (comment = ''): string =>
  comment
    .replace(/\s*\n\s*\*\s?/g, ' ')
    .replaceAll('\\"', '"')
    .trim();

/** A model with its documentation, from the library's type declarations. */
export function describeModel(model: string): ModelDescription {
  if (gatewayModels.has(model)) {
    const fields = fieldsOfModel(model).map((field) => ({ ...field, description: '', required: false }));
    return { description: '', fields };
  }
  const text = source(model, '.d.ts');
  const fields = [...text.matchAll(/(?:\/\*\*\s*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?'([^']+)'(\??): /g)];
  const documented = new Map(
    fields.map(([, description, name, optional]) => [
      name,
      { description: plain(description), required: optional !== '?' },
    ]),
  );
  const unknown = { description: '', required: false };
  return {
    description: plain(/\/\*\*\s*\*([^/]*?)\*\/\s*export declare class/.exec(text)?.[1]),
    fields: fieldsOfModel(model).map((field) => ({ ...field, ...(documented.get(field.name) ?? unknown) })),
  };
}
