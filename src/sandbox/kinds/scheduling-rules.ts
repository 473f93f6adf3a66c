import { isFields } from '../../base/fields.ts';
import { scalarText } from './fields.ts';
import { checkKey, subdomainName } from './names.ts';
import type { Check, Rule } from './rules.ts';
import { invalidValue, ipAddress, named, needed, oneOf, required, unsupported } from './rules.ts';
import { labels, labelSelector, nodeSelectorTerm } from './selector-rules.ts';

const toleration: Check = (value, path) => {
  if (!isFields(value)) return [];
  const { key, operator = 'Equal', effect, tolerationSeconds } = value;
  const wrong = (field: string, detail: string): ReturnType<typeof invalidValue> =>
    invalidValue(`${path}.${field}`, value[field], detail);
  const matchesAll =
    'operator must be Exists when `key` is empty, which means "match all values and all keys"';
  return [
    ...(key ? checkKey(`${path}.key`, scalarText(key)) : []),
    !key && operator !== 'Exists' && wrong('operator', matchesAll),
    tolerationSeconds !== undefined &&
      effect !== 'NoExecute' &&
      wrong('effect', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    operator === 'Exists' &&
      Boolean(value['value']) &&
      invalidValue(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"),
    // Newer servers also know Gt and Lt.
    !['', 'Equal', 'Exists', 'Gt', 'Lt'].includes(scalarText(operator)) &&
      unsupported(`${path}.operator`, operator, ['Equal', 'Exists']),
  ];
};

const weight: Check = (value, path) =>
  (typeof value !== 'number' || value < 1 || value > 100) &&
  invalidValue(path, value ?? 0, 'must be in the range 1-100');

const skew: Check = (value, path) =>
  (typeof value !== 'number' || value <= 0) && invalidValue(path, value ?? 0, 'must be greater than zero');

const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const between = 'affinity.podAffinity|podAntiAffinity';

const podTerm = (pattern: string): Rule[] => [
  [`${pattern}.topologyKey`, needed('can not be empty')],
  [`${pattern}.labelSelector|namespaceSelector`, labelSelector],
];

const option: Check = (name, path) => !name && required(path.replace(/\.name$/, ''), 'must not be empty');

const nameserver: Check = (policy, path, spec) =>
  policy === 'None' &&
  !isFields(spec['dnsConfig']) &&
  required(path.replace(/dnsPolicy$/, 'dnsConfig'), 'must provide `dnsConfig` when `dnsPolicy` is None');

/** Which nodes a pod may run on, and how it finds names; patterns begin at its spec. */
export const schedulingRules: Rule[] = [
  ['nodeSelector', labels],
  ['tolerations[]', toleration],
  ['tolerations[].effect', oneOf('', 'NoSchedule', 'PreferNoSchedule', 'NoExecute')],
  [
    `affinity.nodeAffinity.${requiredTerms}.nodeSelectorTerms`,
    needed('must have at least one node selector term'),
  ],
  [`affinity.nodeAffinity.${requiredTerms}.nodeSelectorTerms[]`, nodeSelectorTerm],
  [`affinity.nodeAffinity.${preferred}[].weight`, weight],
  [`affinity.nodeAffinity.${preferred}[].preference`, nodeSelectorTerm],
  ...podTerm(`${between}.${requiredTerms}[]`),
  [`${between}.${preferred}[].weight`, weight],
  ...podTerm(`${between}.${preferred}[].podAffinityTerm`),
  ['topologySpreadConstraints[].maxSkew', skew],
  ['topologySpreadConstraints[].topologyKey', needed('can not be empty')],
  ['topologySpreadConstraints[].whenUnsatisfiable', needed(), oneOf('DoNotSchedule', 'ScheduleAnyway')],
  ['topologySpreadConstraints[].labelSelector', labelSelector],
  ['dnsPolicy', nameserver],
  ['dnsConfig.nameservers[]', ipAddress],
  ['dnsConfig.options[].name', option],
  ['hostAliases[].ip', ipAddress],
  ['hostAliases[].hostnames[]', named(subdomainName)],
];
