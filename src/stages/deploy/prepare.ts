import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { applicationLabel } from '../../strategies/release-record.ts';
import { withDefaultProtocols } from './default-protocols.ts';
import { resolveKinds, type ManifestKinds } from './kinds.ts';
import { inDependencyOrder } from './order.ts';
import { parseManifests, type ManifestFile } from './parse-manifests.ts';
import { releaseWarnings } from './release-warnings.ts';
import { withRollingUpdate } from './rolling-update.ts';
import { setImages, type PushedImage } from './set-images.ts';
import type { DeploySettings } from './settings.ts';
import { versionConfiguration } from './version-configuration.ts';

/** What a release is made from. */
export interface PrepareRequest {
  files: readonly ManifestFile[];
  settings: DeploySettings;
  application: string;
  /** Of objects that do not say. */
  namespace: string;
  pushed: readonly PushedImage[];
}

/** The objects as they will be applied. */
export interface PreparedRelease {
  objects: KubernetesObject[];
  kinds: ManifestKinds;
  warnings: string[];
}

/**
 * Turns manifest files into the objects of a release: parsed, namespaced, labelled, with their images, configuration
 * and rolling settings, in the order of their dependencies. Changes nothing in the cluster.
 * @throws InputError
 */
export async function prepareRelease(
  { files, settings, application, namespace, pushed }: PrepareRequest,
  cluster: Cluster,
  options: CallOptions,
): Promise<PreparedRelease> {
  const manifests = inDependencyOrder(parseManifests(files));
  const kinds = await resolveKinds(manifests, cluster, options);
  const placed = manifests.map(({ object }) => {
    const home = kinds.isNamespaced(object) ? { namespace: object.metadata.namespace ?? namespace } : {};
    return withDefaultProtocols(plainSecret(owned(object, application, home)));
  });
  const versioned = settings.configuration === 'inPlace' ? placed : versionConfiguration(placed);
  const imaged = setImages(versioned, settings.images, pushed);
  const objects = withRollingUpdate(imaged.objects, settings.strategy?.rolling ?? {});
  return { objects, kinds, warnings: [...imaged.warnings, ...releaseWarnings(objects)] };
}

function owned(
  object: KubernetesObject,
  application: string,
  home: { namespace?: string },
): KubernetesObject {
  const { namespace: _, ...metadata } = object.metadata;
  const labels = {
    ...metadata.labels,
    [applicationLabel]: application,
    'app.kubernetes.io/managed-by': metadata.labels?.['app.kubernetes.io/managed-by'] ?? 'slipway',
  };
  return { ...object, metadata: { ...metadata, ...home, labels } };
}

/** `stringData` is for writing only and wins over `data`; apply would not see it taken away again. */
function plainSecret(object: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = object as KubernetesObject & {
    stringData?: Record<string, string>;
    data?: Record<string, string>;
  };
  if (object.kind !== 'Secret' || stringData === undefined) return object;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  return { ...rest, data: { ...rest.data, ...(Object.fromEntries(encoded) as Record<string, string>) } };
}
