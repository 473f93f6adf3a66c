import { at } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import { badRequest } from './status-error.ts';

/** Says whether an object is wanted. */
export type Predicate = (object: StoredObject) => boolean;

const namePattern = String.raw`(?:[a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?`;
const valuePattern = String.raw`[A-Za-z0-9_.-]*`;
const setRequirement = new RegExp(String.raw`^(${namePattern})\s+(in|notin)\s+\(([^)]*)\)$`);
const equalityRequirement = new RegExp(String.raw`^(${namePattern})\s*(==|=|!=)\s*(${valuePattern})$`);
const existsRequirement = new RegExp(String.raw`^(!?)\s*(${namePattern})$`);

function parseRequirement(text: string): (labels: Record<string, string>) => boolean {
  const set = setRequirement.exec(text);
  if (set !== null) {
    const [, name = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (labels) => (name in labels && values.has(labels[name] ?? '')) === (operator === 'in');
  }
  const equality = equalityRequirement.exec(text);
  if (equality !== null) {
    const [, name = '', operator, value] = equality;
    return (labels) => (labels[name] === value) === (operator !== '!=');
  }
  const exists = existsRequirement.exec(text);
  if (exists !== null) {
    const [, not, name = ''] = exists;
    return (labels) => name in labels === (not === '');
  }
  throw badRequest(`unable to parse requirement: ${text}`);
}

/** Splits at the commas that stand outside parentheses. */
function splitRequirements(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * Parses `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
 * @throws StatusError BadRequest.
 */
export function parseLabelSelector(selector: string): Predicate {
  const requirements = splitRequirements(selector).map(parseRequirement);
  return (object) => requirements.every((holds) => holds(object.metadata.labels ?? {}));
}

/** Fields that a field selector may name, beside metadata.name and metadata.namespace, by kind. */
const selectableFields: Record<string, readonly string[]> = {
  Pod: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  Event: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (name) => `involvedObject.${name}`,
    ),
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  Secret: ['type'],
  Namespace: ['status.phase'],
  Node: ['spec.unschedulable'],
  ReplicaSet: ['status.replicas'],
  Job: ['status.successful'],
  CustomResourceDefinition: [],
};

/** Fields that read differently from where they are stored. */
const storedAt: Record<string, string> = { source: 'source.component' };

function fieldText(object: StoredObject, path: string): string {
  const value = at(object, ...(storedAt[path] ?? path).split('.'));
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/**
 * Parses `metadata.name=x,spec.nodeName!=y`.
 * @throws StatusError BadRequest for a field that cannot be selected by.
 */
export function parseFieldSelector(kind: Kind, selector: string): Predicate {
  const allowed = ['metadata.name', 'metadata.namespace', ...(selectableFields[kind.kind] ?? [])];
  const requirements = splitRequirements(selector).map((part) => {
    const [, path, operator, value] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? [];
    if (path === undefined) throw badRequest(`invalid selector: '${selector}'; can't understand '${part}'`);
    if (!allowed.includes(path)) {
      throw badRequest(`field label not supported: ${path}`);
    }
    return (object: StoredObject) => (fieldText(object, path) === value) === (operator !== '!=');
  });
  return (object) => requirements.every((holds) => holds(object));
}

/** Both selectors of a list or watch request as one predicate. */
export function parseSelectors(kind: Kind, query: URLSearchParams): Predicate {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  const byLabel = parseLabelSelector(labels);
  const byField = parseFieldSelector(kind, fields);
  return (object) => byLabel(object) && byField(object);
}
