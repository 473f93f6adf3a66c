import { at, scalarText } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import { badRequest } from './status-error.ts';

/** Says whether an object is wanted. */
export type Predicate = (object: StoredObject) => boolean;

const namePattern = String.raw`(?:[a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?`;
const valuePattern = String.raw`[A-Za-z0-9_.-]*`;
// eslint-disable-next-line no-restricted-syntax -- made of constants
const setRequirement = new RegExp(String.raw`^(${namePattern})\s+(in|notin)\s+\(([^)]*)\)$`);
// eslint-disable-next-line no-restricted-syntax -- made of constants
const equalityRequirement = new RegExp(String.raw`^(${namePattern})\s*(==|=|!=)\s*(${valuePattern})$`);
// eslint-disable-next-line no-restricted-syntax -- made of constants
const existsRequirement = new RegExp(String.raw`^(!?)\s*(${namePattern})$`);

function parseRequirement(text: string): (labels: Record<string, string>) => boolean {
  const [, member = '', inOrNot, list = ''] = setRequirement.exec(text) ?? [];
  const [, name = '', operator, value] = equalityRequirement.exec(text) ?? [];
  const [, not, present = ''] = existsRequirement.exec(text) ?? [];
  if (inOrNot !== undefined) {
    const values = new Set(list.split(',').map((item) => item.trim()));
    return (labels) => (member in labels && values.has(labels[member] ?? '')) === (inOrNot === 'in');
  }
  if (operator !== undefined) return (labels) => (labels[name] === value) === (operator !== '!=');
  if (not !== undefined) return (labels) => present in labels === (not === '');
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
const selectableFields: Record<string, string> = {
  Pod:
    'spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase ' +
    'status.podIP status.nominatedNodeName',
  Event:
    'involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion ' +
    'involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type',
  Secret: 'type',
  Namespace: 'status.phase',
  Node: 'spec.unschedulable',
  ReplicaSet: 'status.replicas',
  Job: 'status.successful',
};

/** Fields that read differently from where they are stored. */
const storedAt: Record<string, string> = { source: 'source.component' };

/**
 * Parses `metadata.name=x,spec.nodeName!=y`.
 * @throws StatusError BadRequest for a field that cannot be selected by.
 */
export function parseFieldSelector(kind: Kind, selector: string): Predicate {
  const allowed = `metadata.name metadata.namespace ${selectableFields[kind.kind] ?? ''}`.split(' ');
  const requirements = splitRequirements(selector).map((part): Predicate => {
    const [, path, operator, value] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? [];
    if (path === undefined) throw badRequest(`invalid selector: '${selector}'; can't understand '${part}'`);
    if (!allowed.includes(path)) throw badRequest(`field label not supported: ${path}`);
    const names = (storedAt[path] ?? path).split('.');
    return (object) => (scalarText(at(object, ...names)) === value) === (operator !== '!=');
  });
  return (object) => requirements.every((holds) => holds(object));
}

/** Both selectors of a list or watch request as one predicate. */
export function parseSelectors(kind: Kind, query: URLSearchParams): Predicate {
  const byLabel = parseLabelSelector(query.get('labelSelector') ?? '');
  const byField = parseFieldSelector(kind, query.get('fieldSelector') ?? '');
  return (object) => byLabel(object) && byField(object);
}
