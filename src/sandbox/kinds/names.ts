import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from '../../base/fields.ts';
import { child } from './fields.ts';
import type { NameRule } from './rules.ts';
import { checkName, invalidValue, tooLong } from './rules.ts';

const rule = (pattern: string, maxLength: number, message: string, ...examples: string[]): NameRule => ({
  // eslint-disable-next-line no-restricted-syntax -- made of constants
  pattern: new RegExp(`^(${pattern})$`),
  maxLength,
  message: `${message} (e.g. ${examples.map((name) => `'${name}'`).join(',  or ')}, regex used for validation is '${pattern}')`,
});

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** Most objects: RFC 1123 subdomain. */
export const subdomainName = rule(
  `${label}(\\.${label})*`,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  'example.com',
);
/** Namespaces and containers: RFC 1123 label. */
export const labelName = rule(
  label,
  63,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  'my-name',
  '123-abc',
);
/** Services: RFC 1035 label. */
const serviceName = rule(
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  63,
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  'my-name',
  'abc-123',
);
/** Keys of ConfigMaps and Secrets. */
export const configKey = rule(
  '[-._a-zA-Z0-9]+',
  253,
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  'key.name',
  'KEY_NAME',
  'key-name',
);
/** Names of environment variables. */
export const variableName = rule(
  '[-._a-zA-Z][-._a-zA-Z0-9]*',
  Infinity,
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  'my.env-name',
  'MY_ENV.NAME',
  'MyEnvName1',
);
const labelValue = rule(
  '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?',
  63,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  'MyValue',
  'my_value',
  '12345',
);
const qualifiedPart = rule(
  '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]',
  63,
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  'MyName',
  'my.name',
  '123-abc',
);

/** A path after a domain. */
export const qualifiedDomain =
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9/]([-A-Za-z0-9_./]*[A-Za-z0-9/])?$/;

const namespaceOrService: Record<string, NameRule> = { Namespace: labelName, Service: serviceName };

/** Checks `metadata.name` of a kind; the names of RBAC may be whatever a path segment can be. */
export function checkObjectName(kind: string, name: unknown): StatusCause[] {
  if (typeof name !== 'string' || name === '') return [];
  if (!/^(Cluster)?Role(Binding)?$/.test(kind)) {
    return checkName('metadata.name', name, namespaceOrService[kind] ?? subdomainName);
  }
  return /[/%]|^\.\.?$/.test(name) ? [invalidValue('metadata.name', name, `may not contain '/' or '%'`)] : [];
}

/** Checks a key of labels or annotations: a name, after a prefix or without one. */
export function checkKey(field: string, key: string): StatusCause[] {
  const [name = '', prefix, ...more] = key.split('/').reverse();
  if (more.length > 0) {
    const rest = qualifiedPart.message.slice('name part '.length);
    const message = `a qualified name ${rest} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
    return [invalidValue(field, key, message)];
  }
  const isPrefix = prefix === undefined || subdomainName.pattern.test(prefix.toLowerCase());
  const isName = qualifiedPart.pattern.test(name) && name.length <= qualifiedPart.maxLength;
  return [
    ...(isPrefix ? [] : [invalidValue(field, key, `prefix part ${subdomainName.message}`)]),
    ...(isName ? [] : [invalidValue(field, key, qualifiedPart.message)]),
  ];
}

/** Checks labels that stand at `field`. */
export const checkLabels = (field: string, labels: Fields | undefined): StatusCause[] =>
  Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkKey(field, key),
    ...checkName(field, String(value), labelValue),
  ]);

const maxAnnotationBytes = 262_144;

/** Checks labels and annotations of a metadata object that stands at `field`. */
export function checkLabelsAndAnnotations(field: string, metadata: Fields | undefined): StatusCause[] {
  const annotations = Object.entries(child(metadata, 'annotations') ?? {});
  const bytes = annotations.reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  return [
    ...checkLabels(`${field}.labels`, child(metadata, 'labels')),
    ...annotations.flatMap(([key]) => checkKey(`${field}.annotations`, key)),
    ...(bytes > maxAnnotationBytes ? [tooLong(`${field}.annotations`, maxAnnotationBytes)] : []),
  ];
}
