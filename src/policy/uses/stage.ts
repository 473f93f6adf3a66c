import { isFields } from '../../base/fields.ts';
import type { Use } from '../policy.ts';
import { annotationUses, imageUse, podUses, type PodPlace } from './pod.ts';
import {
  checkoutSpellings,
  hostSpellings,
  imageSpellings,
  kindSpellings,
  spellingsOf,
  type Known,
} from './spellings.ts';

/** A stage as far as a policy goes. */
export interface StageParts {
  kind: string;
  input: Readonly<Record<string, unknown>>;
  path: Use['path'];
}

/** What is known around a stage. */
export interface StagePlace {
  known: Known;
  /** Absolute folder of the pipeline file. */
  directory: string;
  /** Of the run, where a deploy goes that names none; undefined when it is not known yet. */
  namespace: string | undefined;
}

/** What a stage reaches by what its file says; manifests are looked at by themselves. */
export function stageUses({ kind, input, path }: StageParts, around: StagePlace): Use[] {
  const fields = input[kind];
  const at = (...keys: (string | number)[]) => [...path, kind, ...keys];
  if (!isFields(fields)) return [];
  switch (kind) {
    case 'checkout':
      return checkoutUses(fields, at, around);
    case 'image':
      return imageUses(fields, at, around);
    case 'deploy':
      return deployUses(fields, at, around);
    case 'verify':
      return verifyUses(fields, at, around);
    default:
      return [];
  }
}

type At = (...keys: (string | number)[]) => Use['path'];
type Fields = Record<string, unknown>;

/** Without a URL it is the tree that the file itself came with. */
function checkoutUses({ url }: Fields, at: At, { known, directory }: StagePlace): Use[] {
  if (typeof url !== 'string') return [];
  const values = spellingsOf(url, known, (value) => checkoutSpellings(value, directory));
  return [{ rule: 'checkout.urls', shown: withoutLogin(url), values, path: at('url') }];
}

function withoutLogin(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/]*@/i, '$1');
}

function imageUses({ repository, cacheFrom, builder, docker }: Fields, at: At, { known }: StagePlace): Use[] {
  const pushed = (name: unknown, path: Use['path']): Use[] =>
    typeof name === 'string'
      ? [{ rule: 'image.repositories', shown: name, values: spellingsOf(name, known, imageSpellings), path }]
      : [];
  const engine = (shown: string, path: Use['path']): Use => ({
    rule: 'image.engines',
    shown,
    values: spellingsOf(shown, known),
    path,
  });
  const engines = (): Use[] => {
    if (isFields(docker))
      return typeof docker['host'] === 'string' ? [engine(docker['host'], at('docker', 'host'))] : [];
    return builder === 'layers' ? [] : [engine('runner', at('builder'))];
  };
  return [
    ...pushed(repository, at('repository')),
    ...(Array.isArray(cacheFrom) ? cacheFrom : []).flatMap((name: unknown, index) =>
      pushed(name, at('cacheFrom', index)),
    ),
    ...engines(),
  ];
}

function deployUses({ namespace, images, analyses }: Fields, at: At, around: StagePlace): Use[] {
  const { known } = around;
  const target = typeof namespace === 'string' ? namespace : undefined;
  const values = target === undefined ? around.namespace && [around.namespace] : spellingsOf(target, known);
  return [
    {
      rule: 'deploy.namespaces',
      shown: target ?? around.namespace ?? 'of the run',
      values: values === '' ? undefined : values,
      path: at('namespace'),
    },
    ...Object.entries(isFields(images) ? images : {}).flatMap(([name, image]) =>
      typeof image === 'string'
        ? [imageUse(image, { group: 'deploy', path: at('images', name), known })]
        : [],
    ),
    ...analysisUses(analyses, at, known),
  ];
}

function analysisUses(analyses: unknown, at: At, known: Known): Use[] {
  const asked = [['http', 'url'] as const, ['prometheus', 'address'] as const];
  return Object.entries(isFields(analyses) ? analyses : {}).flatMap(([name, analysis]) => {
    if (!isFields(analysis)) return [];
    const urls = asked.flatMap(([source, key]) => {
      const fields = analysis[source];
      const url = isFields(fields) ? fields[key] : undefined;
      return typeof url === 'string' ? [urlUse(url, known, at('analyses', name, source, key))] : [];
    });
    const inside: At = (...keys) => at('analyses', name, ...keys);
    return [...urls, ...jobUses(analysis['job'], inside, known)];
  });
}

/** The Job that an analysis makes, as one of a manifest. */
function jobUses(job: unknown, at: At, known: Known): Use[] {
  if (!isFields(job)) return [];
  const kind = { apiVersion: 'batch/v1', kind: 'Job' };
  const made: Use = { rule: 'deploy.kinds', shown: 'Job', values: kindSpellings(kind), path: at('job') };
  const template = isFields(job['template']) ? job['template'] : {};
  const { annotations } = isFields(template['metadata']) ? template['metadata'] : {};
  const place = (...keys: string[]): PodPlace => ({
    ...{ group: 'deploy', known },
    path: at('job', 'template', ...keys),
  });
  return [
    made,
    ...podUses(template['spec'], place('spec')),
    ...annotationUses(annotations, place('metadata', 'annotations')),
  ];
}

function verifyUses({ http, tcp }: Fields, at: At, { known }: StagePlace): Use[] {
  const uses: Use[] = [];
  if (isFields(http) && typeof http['url'] === 'string')
    uses.push(urlUse(http['url'], known, at('http', 'url')));
  if (isFields(tcp) && typeof tcp['host'] === 'string')
    uses.push(hostUse({ host: tcp['host'], port: String(tcp['port']) }, known, at('tcp', 'host')));
  return uses;
}

function urlUse(url: string, known: Known, path: Use['path']): Use {
  const values = spellingsOf(url, known, (value) => {
    if (!URL.canParse(value)) return [];
    const { hostname, port, protocol } = new URL(value);
    return hostSpellings(hostname, port === '' ? (protocol === 'https:' ? 443 : 80) : port);
  });
  return { rule: 'verify.hosts', shown: values?.[0] ?? url, values, path };
}

/** A use of a port of a host. */
export function hostUse(
  { host, port }: { host: string; port: string | number },
  known: Known,
  path: Use['path'],
): Use {
  const values = spellingsOf(host, known, (value) => hostSpellings(value, port));
  return { rule: 'verify.hosts', shown: host, values, path };
}
