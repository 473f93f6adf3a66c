import type { StatusCause } from '../api/status-error.ts';
import { invalidValue } from './causes.ts';
import type { Fields } from './fields.ts';
import { child } from './fields.ts';

/** A rule for names, with the text that the real API server gives. */
export interface NameRule {
  pattern: RegExp;
  maxLength: number;
  told: string;
}

const rule = (pattern: string, maxLength: number, told: string, ...examples: string[]): NameRule => ({
  pattern: new RegExp(`^(${pattern})$`),
  maxLength,
  told: `${told} (e.g. ${examples.map((name) => `'${name}'`).join(',  or ')}, regex used for validation is '${pattern}')`,
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
export const serviceName = rule(
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

/** Objects whose names have another rule than {@link subdomainName}; `any` takes what a path segment can be. */
const ruleOfKind: Record<string, NameRule | 'any'> = {
  Namespace: labelName,
  Service: serviceName,
  Role: 'any',
  ClusterRole: 'any',
  RoleBinding: 'any',
  ClusterRoleBinding: 'any',
};

/** Checks a text against a rule. */
export function checkName(field: string, value: string, by: NameRule): StatusCause[] {
  const tooLong = value.length > by.maxLength;
  return [
    ...(tooLong ? [invalidValue(field, value, `must be no more than ${by.maxLength} characters`)] : []),
    ...(by.pattern.test(value) ? [] : [invalidValue(field, value, by.told)]),
  ];
}

/** Checks `metadata.name` of a kind. */
export function checkObjectName(kind: string, name: string): StatusCause[] {
  const by = ruleOfKind[kind] ?? subdomainName;
  if (by !== 'any') return checkName('metadata.name', name, by);
  return /[/%]/.test(name) || name === '.' || name === '..'
    ? [invalidValue('metadata.name', name, `may not contain '/' or '%'`)]
    : [];
}

function checkQualifiedName(field: string, key: string): StatusCause[] {
  const [prefix, ...name] = key.includes('/') ? key.split('/') : [undefined, key];
  if (name.length !== 1)
    return [
      invalidValue(
        field,
        key,
        `a qualified name ${qualifiedPart.told.slice('name part '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ),
    ];
  const ofPrefix = prefix === undefined || subdomainName.pattern.test(prefix);
  return [
    ...(ofPrefix ? [] : [invalidValue(field, key, `prefix part ${subdomainName.told}`)]),
    ...(qualifiedPart.pattern.test(name[0] ?? '') && (name[0] ?? '').length <= 63
      ? []
      : [invalidValue(field, key, qualifiedPart.told)]),
  ];
}

/** Checks labels at `field`. */
export function checkLabels(field: string, labels: Fields | undefined): StatusCause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkQualifiedName(field, key),
    ...checkName(field, String(value), labelValue),
  ]);
}

/** Checks labels and annotations of a metadata object that stands at `field`. */
export function checkLabelsAndAnnotations(field: string, metadata: Fields | undefined): StatusCause[] {
  const annotations = Object.entries(child(metadata, 'annotations') ?? {});
  const bytes = annotations.reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  return [
    ...checkLabels(`${field}.labels`, child(metadata, 'labels')),
    ...annotations.flatMap(([key]) =>
      checkQualifiedName(`${field}.annotations`, key.toLowerCase()).map((cause) => ({
        ...cause,
        message: cause.message.replace(JSON.stringify(key.toLowerCase()), JSON.stringify(key)),
      })),
    ),
    ...(bytes > 262_144
      ? [
          {
            reason: 'FieldValueTooLong',
            message: 'Too long: must have at most 262144 bytes',
            field: `${field}.annotations`,
          },
        ]
      : []),
  ];
}
