import type { StatusCause } from '../api/status-error.ts';
import { forbiddenField, invalidValue, required } from './causes.ts';
import type { Fields } from './fields.ts';
import { child, items, text } from './fields.ts';
import { changeChecks } from './immutable.ts';
import type { Kind } from './kind.ts';
import { checkLabelsAndAnnotations, checkObjectName } from './names.ts';
import { otherChecks } from './validate-others.ts';
import { workloadChecks } from './validate-workloads.ts';

function checkContent(kind: Kind, object: Fields): StatusCause[] {
  if (kind.model === undefined) return [];
  return [
    ...(workloadChecks[kind.kind]?.(child(object, 'spec') ?? {}, 'spec') ?? []),
    ...(otherChecks[kind.kind]?.(object) ?? []),
  ];
}

function checkOwners(metadata: Fields | undefined): StatusCause[] {
  const owners = items(metadata, 'ownerReferences');
  const controllers = owners.filter((owner) => owner['controller'] === true);
  const two = controllers.slice(0, 2).map((owner) => `${String(owner['kind'])}/${String(owner['name'])}`);
  return [
    ...owners.flatMap((owner) =>
      ['apiVersion', 'kind', 'name', 'uid'].flatMap((part) =>
        (text(owner, part) ?? '') === ''
          ? [invalidValue(`metadata.ownerReferences.${part}`, owner[part], `${part} must not be empty`)]
          : [],
      ),
    ),
    ...(controllers.length > 1
      ? [
          invalidValue(
            'metadata.ownerReferences',
            undefined,
            `Only one reference can have Controller set to true. Found "true" in references for ${two.join(' and ')}`,
          ),
        ]
      : []),
  ];
}

/** What is wrong with a new object, in the words of the real API server; empty when it is valid. */
export function validate(kind: Kind, object: Fields): StatusCause[] {
  const metadata = child(object, 'metadata');
  const name = text(metadata, 'name') ?? '';
  return [
    ...(name === ''
      ? [required('metadata.name', 'name or generateName is required')]
      : checkObjectName(kind.kind, name)),
    ...checkLabelsAndAnnotations('metadata', metadata),
    ...checkOwners(metadata),
    ...checkContent(kind, object),
  ];
}

function checkFinalizers(now: Fields, before: Fields): StatusCause[] {
  const list = (object: Fields): string[] =>
    (child(object, 'metadata')?.['finalizers'] as string[] | undefined) ?? [];
  if (child(before, 'metadata')?.['deletionTimestamp'] === undefined) return [];
  const added = list(now).filter((name) => !list(before).includes(name));
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
  const changes = kind.model === undefined ? [] : (changeChecks[kind.kind]?.(object, stored) ?? []);
  return [...checkFinalizers(object, stored), ...changes, ...validate(kind, object)];
}
