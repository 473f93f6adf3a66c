import type { PlanNode } from '../plan/plan.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { withoutOtherHooks } from '../stages/deploy/helm-hooks.ts';
import { parseManifests, type LocatedManifest } from '../stages/deploy/parse-manifests.ts';
import { withoutMigration } from '../stages/deploy/read-manifest-files.ts';
import type { DeploySettings } from '../stages/deploy/settings.ts';
import { deploySettings } from './deploy-settings.ts';
import { readLocalManifests, readLocalMigration } from './local-manifests.ts';

/** Where manifests are looked for. */
export interface ManifestSearch {
  /** That of the pipeline file. */
  directory: string;
  git?: Record<string, string>;
  signal: AbortSignal;
  /** What was read already, by its patterns: for several looks at the same manifests. */
  read?: Map<string, Promise<ReadManifests>>;
}

/** What a deploy stage releases, as far as the file and the manifests on this machine tell. */
export interface StageManifests {
  /** But for its images. */
  settings: DeploySettings;
  manifests: readonly LocatedManifest[];
  /** Those of the file of its migration. */
  migration: readonly LocatedManifest[];
}

/** Reads the manifests of a deploy stage. @throws InputError when they are not there or not sound */
export async function readStageManifests(
  node: Pick<PlanNode, 'input' | 'matrix'>,
  plan: Parameters<typeof deploySettings>[1],
  search: ManifestSearch,
): Promise<StageManifests> {
  const settings = await deploySettings(node, plan, search.git ?? {});
  const key = JSON.stringify([settings.manifests, settings.migrate?.job]);
  const read = search.read?.get(key) ?? readManifests(settings, search);
  search.read?.set(key, read);
  return { settings, ...(await read) };
}

/** The manifests of a release, and those of its migration. */
type ReadManifests = Pick<StageManifests, 'manifests' | 'migration'>;

async function readManifests(
  settings: DeploySettings,
  { directory, signal }: ManifestSearch,
): Promise<ReadManifests> {
  const all = await readLocalManifests(directory, [settings.manifests].flat(), { signal });
  const first = (await readLocalMigration(directory, settings, { signal })) ?? [];
  const files = withoutMigration(all, first);
  return {
    manifests: withoutOtherHooks(parseManifests(files), () => undefined),
    migration: parseManifests(first),
  };
}

/** An object in the namespace of its release, where it names none itself; an empty one is not known yet. */
export function inNamespace(object: KubernetesObject, namespace: string): KubernetesObject {
  if (object.metadata.namespace !== undefined || namespace === '') return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}
