import { isFields } from '../../base/fields.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { Use } from '../policy.ts';
import { annotationUses, podUses, volumeUses, type PodPlace } from './pod.ts';
import { kindSpellings } from './spellings.ts';

/** An object as it will be applied. */
export interface PlacedObject {
  object: KubernetesObject;
  /** `k8s/web.yaml:12` */
  location: string;
}

/** What an object of a manifest reaches; an object with a namespace has it in its metadata. */
export function objectUses({ object, location }: PlacedObject): Use[] {
  const { kind, metadata } = object;
  const here = (use: Omit<Use, 'location'>): Use => ({ ...use, location });
  const uses = [here({ rule: 'deploy.kinds', shown: kind, values: kindSpellings(object), path: ['kind'] })];
  const home = metadata.namespace ?? (kind === 'Namespace' ? metadata.name : undefined);
  uses.push(
    home === undefined
      ? here({ rule: 'deploy.clusterKinds', shown: kind, values: kindSpellings(object), path: ['kind'] })
      : here({ rule: 'deploy.namespaces', shown: home, values: [home], path: ['metadata', 'namespace'] }),
  );
  const known = (text: string) => text;
  const place: PodPlace = { group: 'deploy', path: [], known };
  return [...uses, ...[...nodeVolumeUses(object, place), ...podUsesIn(object, place)].map(here)];
}

/** Fields of a pod's specification; controllers of other kinds add what they have to pods of their own making. */
const podFields = [
  'containers',
  'initContainers',
  'ephemeralContainers',
  'volumes',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'serviceAccountName',
];

/** Whatever has fields of a pod is one, in objects of other controllers, too. */
function podUsesIn(value: unknown, place: PodPlace): Use[] {
  const at = (key: string | number): PodPlace => ({ ...place, path: [...place.path, key] });
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => podUsesIn(item, at(index)));
  if (!isFields(value)) return [];
  return [
    ...(podFields.some((key) => key in value) ? podUses(value, place) : []),
    ...annotationUses(value['annotations'], at('annotations')),
    ...Object.entries(value).flatMap(([key, item]) => podUsesIn(item, at(key))),
  ];
}

/** A PersistentVolume mounts paths of the node for the pods that claim it. */
function nodeVolumeUses({ kind, ...object }: KubernetesObject, place: PodPlace): Use[] {
  const { spec } = object as { spec?: unknown };
  if (kind !== 'PersistentVolume' || !isFields(spec)) return [];
  const sources = Object.entries(spec).filter(([key]) => key === 'hostPath' || key === 'local');
  return volumeUses(Object.fromEntries(sources), { ...place, path: ['spec'] });
}
