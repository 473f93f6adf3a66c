import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from './fields.ts';
import { text, child } from './fields.ts';
import type { Kind } from './kind.ts';

/** What is wrong with a new object; empty when it is valid. */
export function validate(_kind: Kind, object: Fields): StatusCause[] {
  const metadata = child(object, 'metadata');
  if (text(metadata, 'name') === undefined) {
    return [
      {
        reason: 'FieldValueRequired',
        message: 'Required value: name or generateName is required',
        field: 'metadata.name',
      },
    ];
  }
  return [];
}

/** What is wrong with a change of an object. */
export function validateUpdate(kind: Kind, object: Fields, _stored: Fields): StatusCause[] {
  return validate(kind, object);
}
