import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from '../../base/fields.ts';
import { at, child, items } from './fields.ts';
import { changeRules } from './immutable.ts';
import type { Kind } from './kind.ts';
import { kindRules } from './kind-rules.ts';
import { checkLabelsAndAnnotations, checkObjectName } from './names.ts';
import type { Check, Rule } from './rules.ts';
import { applyRules, forbiddenField, invalidValue, needed } from './rules.ts';

const oneController: Check = (_owners, path, metadata) => {
  const controllers = items(metadata, 'ownerReferences').filter((owner) => owner['controller'] === true);
  const [first, second] = controllers.map((owner) => `${String(owner['kind'])}/${String(owner['name'])}`);
  return (
    second !== undefined &&
    invalidValue(
      path,
      undefined,
      `Only one reference can have Controller set to true. Found "true" in references for ${first ?? ''} and ${second}`,
    )
  );
};

/** The rules of every kind's metadata. */
const metadataRules: Rule[] = [
  ['name', needed('name or generateName is required')],
  ['', (metadata, path) => checkLabelsAndAnnotations(path, metadata as Fields)],
  ['ownerReferences', oneController],
  [
    'ownerReferences[].apiVersion|kind|name|uid',
    (value, path) => {
      const [place, field = ''] = path.split(/\[\d+\]\./);
      return !value && invalidValue(`${place ?? ''}.${field}`, value, `${field} must not be empty`);
    },
  ],
];

/** What is wrong with a new object, in the words of the real API server; empty when it is valid. */
export function validate(kind: Kind, object: Fields): StatusCause[] {
  const metadata = child(object, 'metadata') ?? {};
  return [
    ...checkObjectName(kind.kind, metadata['name']),
    ...applyRules(metadata, metadataRules, 'metadata'),
    ...applyRules(object, kind.model === undefined ? [] : (kindRules[kind.kind] ?? [])),
  ];
}

function checkFinalizers(now: Fields, before: Fields): StatusCause[] {
  if (at(before, 'metadata', 'deletionTimestamp') === undefined) return [];
  const listed = (object: Fields): string[] =>
    (at(object, 'metadata', 'finalizers') as string[] | undefined) ?? [];
  const added = listed(now).filter((name) => !listed(before).includes(name));
  if (added.length === 0) return [];
  const shown = added.map((name) => JSON.stringify(name)).join(', ');
  return [
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`,
    ),
  ];
}

/** What is wrong with a change of an object. What is invalid already may stay so on its way out. */
export function validateUpdate(kind: Kind, object: Fields, stored: Fields): StatusCause[] {
  const rules = kind.model === undefined ? [] : (changeRules[kind.kind] ?? []);
  const changes = rules.map((rule) => rule(object, stored)).filter((found) => found !== false);
  return [...checkFinalizers(object, stored), ...changes, ...validate(kind, object)];
}
