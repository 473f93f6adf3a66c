import type { Environment } from '../../ports/secrets.ts';
import type { Finding } from '../finding.ts';
import { hintFor } from '../../base/nearest.ts';
import { placesAt } from '../places.ts';
import type { ParsedDocument } from '../schema/document.ts';
import type { StageDraft } from '../stage-draft.ts';
import { keysAt } from '../schema-findings.ts';
import { hasTemplate } from '../../expressions/template.ts';

type Path = readonly (string | number)[];

/** What is named exists: secrets and containers. */
export function lintReferences(
  value: unknown,
  document: Partial<ParsedDocument>,
  drafts: readonly StageDraft[],
): Finding[] {
  const secrets = keysAt(value, ['secrets']);
  const containers = keysAt(value, ['agent', 'containers']);
  const secretAt = (name: string, path: Path) => named('secret', name, { path, allowed: secrets });
  const containerAt = (name: string, path: Path) => named('container', name, { path, allowed: containers });
  const environments = [
    { path: ['env'], env: document.env },
    ...Object.entries(document.agent?.containers ?? {}).map(([name, { env }]) => ({
      path: ['agent', 'containers', name, 'env'],
      env,
    })),
    ...Object.entries(document.agent?.services ?? {}).map(([name, { env }]) => ({
      path: ['agent', 'services', name, 'env'],
      env,
    })),
    ...drafts.map(({ path, common }) => ({ path: [...path, 'env'], env: common.env })),
  ];
  return [
    ...environments.flatMap(({ path, env }) =>
      secretsOf(env ?? {}).flatMap(({ variable, secret }) => secretAt(secret, [...path, variable, 'secret'])),
    ),
    ...drafts.flatMap(({ path, common, kind, raw }) => [
      ...(common.container === undefined ? [] : containerAt(common.container, [...path, 'container'])),
      ...namesAt(raw, kind?.containerNames ?? []).flatMap((place) =>
        containerAt(place.name, [...path, ...place.path]),
      ),
      ...namesAt(raw, kind?.secretNames ?? []).flatMap((place) =>
        secretAt(place.name, [...path, ...place.path]),
      ),
    ]),
  ];
}

function named(what: string, name: string, place: { path: Path; allowed: readonly string[] }): Finding[] {
  if (hasTemplate(name) || place.allowed.includes(name)) return [];
  const where = what === 'secret' ? 'secrets' : 'agent.containers';
  const message = `${where} has no "${name}"`;
  return [{ code: `unknown-${what}`, path: place.path, message, hint: hintFor(name, place.allowed) }];
}

function secretsOf(env: Environment): { variable: string; secret: string }[] {
  return Object.entries(env).flatMap(([variable, value]) =>
    value.type === 'secret' ? [{ variable, secret: value.secret }] : [],
  );
}

function namesAt(raw: unknown, dotted: readonly string[]): { path: Path; name: string }[] {
  return dotted
    .flatMap((path) => placesAt(raw, path))
    .flatMap(({ path, value }) => (typeof value === 'string' ? [{ path, name: value }] : []));
}
