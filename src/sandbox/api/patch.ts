import jsonPatch from 'fast-json-patch';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { subjectOf } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import { checkDepth } from './depth.ts';
import { badRequest, invalid, StatusError } from './status-error.ts';
import { strategicMerge } from './strategic-merge.ts';

/** The media types of the patches that change an object as it is (server-side apply is none of them). */
export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
] as const;

/** JSON merge patch, RFC 7396. */
function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(original) ? { ...original } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, name);
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function applyJsonPatch(kind: Kind, object: StoredObject, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  try {
    return jsonPatch.applyPatch<unknown>(object, patch as jsonPatch.Operation[], true, false).newDocument;
  } catch (error) {
    const name = error instanceof jsonPatch.JsonPatchError ? error.name : String(error);
    throw invalid(subjectOf(kind), object.metadata.name, [
      {
        reason: 'FieldValueInvalid',
        message: `the server rejected our request due to an error in our request: ${name}`,
        field: 'patch',
      },
    ]);
  }
}

/**
 * The object after the patch.
 * @throws StatusError BadRequest, Invalid for a patch that does not fit, UnsupportedMediaType.
 */
export function applyPatch(kind: Kind, object: StoredObject, type: string, patch: unknown): StoredObject {
  const { isCustom } = kind;
  let result: unknown;
  if (type === 'application/json-patch+json') result = applyJsonPatch(kind, object, patch);
  else if (type === 'application/merge-patch+json') result = mergePatch(object, patch);
  else if (type === 'application/strategic-merge-patch+json' && !isCustom) {
    if (!isFields(patch)) throw badRequest('the patch is not an object');
    result = strategicMerge(object, patch);
  } else {
    const accepted = [...patchTypes.filter((known) => !isCustom || !known.includes('strategic'))];
    throw new StatusError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${[...accepted, 'application/apply-patch+yaml'].join(', ')}`,
    );
  }
  // Operations of a JSON patch can nest deeper than any of them is.
  checkDepth(result);
  if (!isFields(result) || !isFields(result['metadata']))
    throw badRequest('the patched object has no metadata');
  return result as unknown as StoredObject;
}
