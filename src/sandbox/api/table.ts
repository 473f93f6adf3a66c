import type { Fields } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import { columnsOf, plainColumns } from './columns.ts';

/** What each row carries of its object. */
type IncludeObject = string | null | undefined;

function embedded(object: StoredObject, include: IncludeObject): unknown {
  if (include === 'None') return undefined;
  if (include === 'Object') return object;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** Objects as a `meta.k8s.io/v1` Table, which is what kubectl prints. */
export function tableOf(
  kind: Kind,
  objects: readonly StoredObject[],
  metadata: Fields,
  includeObject: IncludeObject,
): Fields {
  const columns = (kind.model === undefined ? undefined : columnsOf[kind.kind]) ?? plainColumns;
  const rows = objects.map((object) => {
    const cells = columns.map((column) => column.cell(object));
    const embed = embedded(object, includeObject);
    return embed === undefined ? { cells } : { cells, object: embed };
  });
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map((column) => ({
      name: column.name,
      type: 'string',
      format: column.name === 'Name' ? 'name' : '',
      description: '',
      priority: column.wide === true ? 1 : 0,
    })),
    rows,
  };
}
