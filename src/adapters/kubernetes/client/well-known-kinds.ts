import type { ServedKind } from '../../../ports/cluster.ts';

const kinds: readonly (readonly [apiVersion: string, namespaced: boolean, names: Record<string, string>])[] =
  [
    [
      'v1',
      true,
      {
        Pod: 'pods',
        ConfigMap: 'configmaps',
        Secret: 'secrets',
        Service: 'services',
        Event: 'events',
        Endpoints: 'endpoints',
        PersistentVolumeClaim: 'persistentvolumeclaims',
        ServiceAccount: 'serviceaccounts',
        ResourceQuota: 'resourcequotas',
      },
    ],
    ['v1', false, { Namespace: 'namespaces', Node: 'nodes' }],
    [
      'apps/v1',
      true,
      {
        Deployment: 'deployments',
        ReplicaSet: 'replicasets',
        StatefulSet: 'statefulsets',
        DaemonSet: 'daemonsets',
      },
    ],
    ['batch/v1', true, { Job: 'jobs' }],
    ['coordination.k8s.io/v1', true, { Lease: 'leases' }],
    ['authorization.k8s.io/v1', false, { SelfSubjectAccessReview: 'selfsubjectaccessreviews' }],
  ];

const known = new Map<string, ServedKind>(
  kinds.flatMap(([apiVersion, namespaced, names]) =>
    Object.entries(names).map(([kind, resource]): [string, ServedKind] => [
      `${apiVersion}/${kind}`,
      { apiVersion, kind, resource, namespaced },
    ]),
  ),
);

/** Kinds that every Kubernetes from 1.20 on serves in this way: reading and writing them asks for no discovery. */
export function wellKnownKind(apiVersion: string, kind: string): ServedKind | undefined {
  return known.get(`${apiVersion}/${kind}`);
}
