import { defined } from '../../base/defined.ts';
import { Pattern, PatternError } from '../../base/pattern.ts';
import type { StoredObject } from '../store/objects.ts';
import type { Canary, Share, Split } from './table.ts';

// The annotations of ingress-nginx: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#canary

const annotationOf = ({ metadata }: StoredObject, name: string): string | undefined =>
  metadata.annotations?.[`nginx.ingress.kubernetes.io/${name}`];

/** Whether an Ingress is the canary of another one. */
export function isCanary(ingress: StoredObject): boolean {
  return annotationOf(ingress, 'canary') === 'true';
}

/** What an annotation says, as a whole number from 0; what cannot be read counts as not said. */
function numberIn(ingress: StoredObject, name: string, otherwise: number): number {
  const given = annotationOf(ingress, name)?.trim() ?? '';
  return /^\d+$/.test(given) ? Number(given) : otherwise;
}

/** Which requests of `main` go to the canary. */
export function canaryOf(ingress: StoredObject, share: Share, main: Split): Canary {
  const total = Math.max(1, numberIn(ingress, 'canary-weight-total', 100));
  const weight = Math.min(total, numberIn(ingress, 'canary-weight', 0));
  const shares = [...main.shares.map((one) => ({ ...one, weight: total - weight })), { ...share, weight }];
  return {
    share,
    split: { key: `${main.key} with canary`, shares },
    ...defined({ header: headerOf(ingress), cookie: annotationOf(ingress, 'canary-by-cookie') || undefined }),
  };
}

/** The header that decides; a value goes before a pattern, and a pattern that is none matches nothing. */
function headerOf(ingress: StoredObject): Canary['header'] {
  const name = annotationOf(ingress, 'canary-by-header')?.toLowerCase();
  if (name === undefined || name === '') return undefined;
  const value = annotationOf(ingress, 'canary-by-header-value');
  const pattern = annotationOf(ingress, 'canary-by-header-pattern');
  if (value !== undefined) return { name, value };
  if (pattern === undefined) return { name };
  try {
    return { name, value: new Pattern(pattern) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return undefined;
  }
}
