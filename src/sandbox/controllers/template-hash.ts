import { sameJson } from '../../base/same-json.ts';
import type { PodTemplate } from './workload-types.ts';

/** The label that keeps the pods of a Deployment's ReplicaSets apart. */
export const podTemplateHashLabel = 'pod-template-hash';

/** The consonants and digits that Kubernetes uses for generated names: no word can come of them. */
const safeCharacters = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name for a value: FNV-1a (32 bit) over its JSON with sorted keys, in safe characters; `collisions` gives another one. */
export function hashOf(value: unknown, collisions = 0): string {
  let hash = 0x811c9dc5;
  const text = stableJson(value) + (collisions === 0 ? '' : String(collisions));
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return Array.from(String(hash), (digit) =>
    safeCharacters.charAt(digit.charCodeAt(0) % safeCharacters.length),
  ).join('');
}

function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}

/** Whether two templates are the same but for the hash label. */
export function sameTemplate(left: PodTemplate, right: PodTemplate): boolean {
  return sameJson(withoutHash(left), withoutHash(right));
}

function withoutHash(template: PodTemplate): unknown {
  const { [podTemplateHashLabel]: _hash, ...labels } = template.metadata?.labels ?? {};
  const metadata = { ...template.metadata, labels, creationTimestamp: null };
  return { ...template, metadata };
}
