import type { PlanNode } from '../plan/plan.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { withoutOtherHooks } from '../stages/deploy/helm-hooks.ts';
import { parseManifests, type LocatedManifest } from '../stages/deploy/parse-manifests.ts';
import type { DeploySettings } from '../stages/deploy/settings.ts';
import { deploySettings } from './deploy-settings.ts';
import { readLocalManifests } from './local-manifests.ts';

/** Where manifests are looked for. */
export interface ManifestSearch {
  /** That of the pipeline file. */
  directory: string;
  git?: Record<string, string>;
  signal: AbortSignal;
  /** What was read already, by its patterns: for several looks at the same manifests. */
  read?: Map<string, Promise<readonly LocatedManifest[]>>;
}

/** What a deploy stage releases, as far as the file and the manifests on this machine tell. */
export interface StageManifests {
  /** But for its images. */
  settings: DeploySettings;
  manifests: readonly LocatedManifest[];
}

/** Reads the manifests of a deploy stage. @throws InputError when they are not there or not sound */
export async function readStageManifests(
  node: Pick<PlanNode, 'input' | 'matrix'>,
  plan: Parameters<typeof deploySettings>[1],
  search: ManifestSearch,
): Promise<StageManifests> {
  const settings = await deploySettings(node, plan, search.git ?? {});
  const patterns = [settings.manifests].flat();
  const key = patterns.join('\n');
  const manifests = search.read?.get(key) ?? readManifests(patterns, search);
  search.read?.set(key, manifests);
  return { settings, manifests: await manifests };
}

async function readManifests(
  patterns: readonly string[],
  { directory, signal }: ManifestSearch,
): Promise<LocatedManifest[]> {
  const files = await readLocalManifests(directory, patterns, { signal });
  return withoutOtherHooks(parseManifests(files), () => undefined);
}

/** An object in the namespace of its release, where it names none itself; an empty one is not known yet. */
export function inNamespace(object: KubernetesObject, namespace: string): KubernetesObject {
  if (object.metadata.namespace !== undefined || namespace === '') return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}
