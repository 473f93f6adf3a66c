import { isFields } from '../../base/fields.ts';
import { items, scalarText } from './fields.ts';
import { subdomainName } from './names.ts';
import type { Check, Rule } from './rules.ts';
import { invalidValue, named, needed, oneOf, required, unique } from './rules.ts';

/** A rule is about resources or about URLs, and says what may be done. */
const policyRule: Check = (rule, path) => {
  if (!isFields(rule)) return [];
  const isEmpty = (name: string): boolean => !Array.isArray(rule[name]) || rule[name].length === 0;
  const isOfUrls = !isEmpty('nonResourceURLs');
  return [
    isEmpty('verbs') && required(`${path}.verbs`, 'verbs must contain at least one value'),
    !isOfUrls &&
      isEmpty('apiGroups') &&
      required(`${path}.apiGroups`, 'resource rules must supply at least one api group'),
    !isOfUrls &&
      isEmpty('resources') &&
      required(`${path}.resources`, 'resource rules must supply at least one resource'),
  ];
};

const rbac = 'rbac.authorization.k8s.io';

const subjectName: Check = (name, path, subject) =>
  subject['kind'] === 'ServiceAccount' ? named(subdomainName)(name, path, subject) : [];

const subjectNamespace: Check = (namespace, path, { kind }) =>
  kind === 'ServiceAccount' && !namespace && required(path);

const subjectGroup: Check = (group, path, subject) =>
  /^(User|Group)$/.test(scalarText(subject['kind'])) ? oneOf(rbac)(group, path, subject) : [];

/** An item or a field that is not there has no value, which is none of those that it may have. */
const given =
  (check: Check): Check =>
  (value, path, parent) =>
    check(value ?? '', path, parent);

const role: Rule[] = [['rules[]', policyRule]];

const roleReference: Check = (binding, _path, parent) => {
  const reference = isFields(binding) && isFields(binding['roleRef']) ? binding['roleRef'] : {};
  return [
    given(oneOf('Role', 'ClusterRole'))(reference['kind'], 'roleRef.kind', parent),
    needed()(reference['name'], 'roleRef.name', parent),
    oneOf('', rbac)(reference['apiGroup'], 'roleRef.apiGroup', parent),
  ].flat();
};

const binding: Rule[] = [
  ['', roleReference],
  ['subjects[].kind', given(oneOf('ServiceAccount', 'User', 'Group'))],
  ['subjects[].name', needed(), subjectName],
  ['subjects[].apiGroup', subjectGroup],
];

const limitTypes = /^(Pod|Container|PersistentVolumeClaim)$/;

const limits: Check = (spec, path) =>
  items(isFields(spec) ? spec : {}, 'limits').flatMap((limit, index) => [
    !limitTypes.test(scalarText(limit['type'])) &&
      !scalarText(limit['type']).includes('/') &&
      invalidValue(
        `${path}.limits[${index}].type`,
        limit['type'] ?? '',
        'must be a standard limit type or fully qualified',
      ),
  ]);

const preemption: Check = (policy, path) =>
  policy === '' ? required(path) : oneOf('PreemptLowerPriority', 'Never')(policy, path, {});

/** The rules of the kinds that limit what may be done. */
export const accessRules: Record<string, readonly Rule[]> = {
  Role: role,
  ClusterRole: role,
  RoleBinding: binding,
  ClusterRoleBinding: [...binding, ['subjects[].namespace', subjectNamespace]],
  LimitRange: [
    ['spec', limits],
    ['spec.limits', unique('type')],
  ],
  PriorityClass: [['preemptionPolicy', preemption]],
};
