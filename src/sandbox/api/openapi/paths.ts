import type { Fields } from '../../../base/fields.ts';
import type { Kind } from '../../kinds/kind.ts';
import { apiVersionOf } from '../../kinds/kind.ts';
import { typeOf } from './schemas.ts';

/** Query parameters that kubectl looks for to learn what the server can do. */
const patchParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
  name,
  type: name === 'force' ? 'boolean' : 'string',
}));

/**
 * The path of a kind's objects with what kubectl reads of it: GET, and PATCH with its parameters, each as `write` has it.
 */
export function pathOf(
  kind: Kind,
  write: (parameter: { name: string; type: string }) => Fields,
): [path: string, item: { get: Fields; patch: Fields }] {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
  const place = kind.namespaced ? `${root}/namespaces/{namespace}` : root;
  const common = {
    'x-kubernetes-group-version-kind': typeOf(kind),
    responses: { '200': { description: 'OK' } },
  };
  const get = { 'x-kubernetes-action': 'get', ...common };
  const patch = { 'x-kubernetes-action': 'patch', ...common, parameters: patchParameters.map(write) };
  return [`${place}/${kind.plural}/{name}`, { get, patch }];
}
