import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { child, items, scalarText } from './fields.ts';
import { checkKey, checkLabels } from './names.ts';
import type { Check } from './rules.ts';
import { forbiddenField, invalidValue, required } from './rules.ts';

const isEmpty = (value: unknown): boolean => !Array.isArray(value) || value.length === 0;

/** One expression of a selector; nodes can also be compared by numbers. */
function checkExpression(expression: Fields, path: string, isOfNodes: boolean): StatusCause[] {
  const { key, operator, values } = expression;
  const place = `${path}.values`;
  const keys = checkKey(`${path}.key`, scalarText(key));
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (!isEmpty(values)) return keys;
      return [...keys, required(place, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      if (isEmpty(values)) return keys;
      return [
        ...keys,
        forbiddenField(place, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      ];
    case 'Gt':
    case 'Lt':
      if (isOfNodes && Array.isArray(values) && values.length === 1) return keys;
      if (isOfNodes) {
        return [...keys, required(place, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
      }
  }
  return [...keys, invalidValue(`${path}.operator`, operator ?? '', 'not a valid selector operator')];
}

const checkExpressions = (holder: Fields, path: string, name: string, isOfNodes: boolean): StatusCause[] =>
  items(holder, name).flatMap((expression, index) =>
    checkExpression(expression, `${path}.${name}[${index}]`, isOfNodes),
  );

/** A label selector can be read. */
export const labelSelector: Check = (selector, path) =>
  isFields(selector) && [
    ...checkLabels(`${path}.matchLabels`, child(selector, 'matchLabels')),
    ...checkExpressions(selector, path, 'matchExpressions', false),
  ];

/** A term by which nodes are chosen can be read. */
export const nodeSelectorTerm: Check = (term, path) =>
  isFields(term) && checkExpressions(term, path, 'matchExpressions', true);

/** A map of labels that something must have. */
export const labels: Check = (value, path) => isFields(value) && checkLabels(path, value);
