import { isFields } from '../../base/fields.ts';
import type { AgentSpec } from '../../ports/agent.ts';
import type { Use } from '../policy.ts';
import { annotationUses, claimUse, imageUse, podUses, type PodPlace } from './pod.ts';
import { spellingsOf, type Known } from './spellings.ts';

/** What is looked at of an agent. */
export type AgentParts = Pick<
  AgentSpec,
  'containers' | 'services' | 'podTemplate' | 'imagePullSecrets' | 'cacheClaim'
> & { namespace?: string };

/** What an agent pod reaches, with the paths of the pipeline file. `ownImage` is the image of files that name none. */
export function agentUses(agent: AgentParts, { known, ownImage }: { known: Known; ownImage: string }): Use[] {
  const { namespace, podTemplate, cacheClaim, imagePullSecrets } = agent;
  const at = (...keys: (string | number)[]): PodPlace => ({
    group: 'agent',
    path: ['agent', ...keys],
    known,
  });
  const secret = secretUse(namespace, known);
  return [
    ...(namespace === undefined
      ? []
      : [
          {
            rule: 'agent.namespaces' as const,
            shown: namespace,
            values: spellingsOf(namespace, known),
            path: ['agent', 'namespace'],
          },
        ]),
    ...agent.containers
      .filter(({ image }) => image !== ownImage)
      .map(({ name, image }) => imageUse(image, at('containers', name, 'image'))),
    ...agent.services.flatMap(({ name, image, privileged = false }) => [
      imageUse(image, at('services', name, 'image')),
      ...podUses({ containers: [{ securityContext: { privileged } }] }, at()).map((use) => ({
        ...use,
        path: ['agent', 'services', name, 'privileged'],
      })),
    ]),
    ...imagePullSecrets.map((name, index) => secret(name, ['agent', 'imagePullSecrets', index])),
    ...(cacheClaim === undefined ? [] : [claimUse(cacheClaim, at('cache', 'claim'))]),
    ...templateUses(podTemplate, at('podTemplate'), secret),
  ];
}

function templateUses(
  template: Record<string, unknown> | undefined,
  place: PodPlace,
  secret: ReturnType<typeof secretUse>,
): Use[] {
  if (template === undefined) return [];
  const { spec, metadata } = template;
  const inSpec = { ...place, path: [...place.path, 'spec'] };
  return [
    ...fieldUses(template, place.path),
    ...podUses(spec, inSpec),
    ...annotationUses(isFields(metadata) ? metadata['annotations'] : undefined, {
      ...place,
      path: [...place.path, 'metadata', 'annotations'],
    }),
    ...unconfinedUses(template, inSpec),
    ...accountUses(template, inSpec),
    ...secretsNamed(spec, inSpec.path).map(({ name, path }) => secret(name, path)),
  ];
}

/** A use of the Secret of a namespace, where that is known. */
function secretUse(namespace: string | undefined, known: Known) {
  return (name: string, path: Use['path']): Use => {
    const home = namespace === undefined ? undefined : known(namespace);
    const values = spellingsOf(name, known, (value) => [`${home ?? ''}/${value}`]);
    return { rule: 'secrets.kubernetes', shown: name, values: home === undefined ? undefined : values, path };
  };
}

/** Every field that a template has: the field itself and those above it, any of which a pattern may name. */
function fieldUses(value: unknown, at: Use['path']): Use[] {
  return leavesOf(value).flatMap((keys) => {
    const names = keys.map((key) => String(key).replaceAll('/', '~1'));
    const values = names.map((_name, index) => names.slice(0, index + 1).join('/'));
    const found = { shown: names.join('.'), values, path: [...at, ...keys] };
    return [
      { rule: 'agent.podTemplate.allow' as const, ...found },
      { rule: 'agent.podTemplate.deny' as const, ...found },
    ];
  });
}

function leavesOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const children: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item: unknown, index) => [index, item])
    : isFields(value)
      ? Object.entries(value)
      : [];
  if (children.length === 0) return path.length === 0 ? [] : [path];
  return children.flatMap(([key, item]) => leavesOf(item, [...path, key]));
}

/**
 * The agent has no token of its service account. A template that turns that around takes one, and so does one that may:
 * that removes or replaces the field.
 */
function accountUses(template: Record<string, unknown>, { path, known }: PodPlace): Use[] {
  const { spec } = template;
  const fields = isFields(spec) ? spec : {};
  const { automountServiceAccountToken: mounted, serviceAccountName, serviceAccount } = fields;
  const isReplaced = '$patch' in template || '$patch' in fields || template['spec'] === null;
  const takes =
    isReplaced ||
    ('automountServiceAccountToken' in fields && mounted !== false) ||
    JSON.stringify(fields['volumes'] ?? []).includes('"serviceAccountToken"');
  const isNamed = [serviceAccountName, serviceAccount].some(
    (name) => typeof name === 'string' && name !== '',
  );
  if (!takes || isNamed) return [];
  const shown = 'default';
  return [{ rule: 'agent.serviceAccounts', shown, values: spellingsOf(shown, known), path }];
}

/** The agent's pod has the seccomp profile of the runtime; without it, it may have none. */
function unconfinedUses(template: Record<string, unknown>, { path, known }: PodPlace): Use[] {
  const { spec } = template;
  const context = isFields(spec) ? spec['securityContext'] : undefined;
  const isRemoved =
    [template, spec, context].some((fields) => isFields(fields) && '$patch' in fields) ||
    spec === null ||
    context === null ||
    (isFields(context) && context['seccompProfile'] === null);
  if (!isRemoved) return [];
  const values = spellingsOf('seccompProfile', known);
  return [{ rule: 'agent.privileged', shown: 'seccompProfile', values, path }];
}

interface NamedSecret {
  name: string;
  path: Use['path'];
}

/** Secrets that a pod's specification names, in volumes, variables and drivers: by whatever field, they are read. */
function secretsNamed(value: unknown, path: Use['path']): NamedSecret[] {
  if (Array.isArray(value))
    return value.flatMap((item: unknown, index) => secretsNamed(item, [...path, index]));
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, item]): NamedSecret[] => {
    const at = [...path, key];
    if (key === 'secretName' && typeof item === 'string') return [{ name: item, path: at }];
    if (key === 'imagePullSecrets' && Array.isArray(item))
      return item.flatMap((each: unknown, index) => referenced(each, [...at, index]));
    const own = /(^secret|Secret)(Key)?(Ref)?$/.test(key) ? referenced(item, at) : [];
    return [...own, ...secretsNamed(item, at)];
  });
}

function referenced(value: unknown, path: Use['path']): NamedSecret[] {
  return isFields(value) && typeof value['name'] === 'string'
    ? [{ name: value['name'], path: [...path, 'name'] }]
    : [];
}
