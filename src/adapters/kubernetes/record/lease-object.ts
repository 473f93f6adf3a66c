import * as z from '../../../base/zod.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import { labels } from '../agent/agent-names.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export const leaseKind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

const LeaseSchema = z.object({
  metadata: z.object({ name: z.string(), resourceVersion: z.string() }),
  spec: z.nullish(
    z.object({ holderIdentity: z.nullish(z.string()), leaseTransitions: z.nullish(z.number()) }),
  ),
});

/** A lease as stored; `version` changes with each renewal. */
export interface StoredLease {
  /** Empty when it was released. */
  holder: string;
  transitions: number;
  version: string;
}

/** Reads a Lease object. */
export function parseLease(object: KubernetesObject): StoredLease {
  const { metadata, spec } = LeaseSchema.parse(object);
  return {
    holder: spec?.holderIdentity ?? '',
    transitions: spec?.leaseTransitions ?? 0,
    version: metadata.resourceVersion,
  };
}

/** What a lease is written with. */
export interface LeaseWriting {
  name: string;
  namespace: string;
  run: string;
  owner: { apiVersion: string; kind: string; name: string; uid: string };
  holder: string;
  transitions: number;
  seconds: number;
  /** Of the stored lease, which guards the write; missing: it is created. */
  version?: string;
}

/** The Lease object. Its times are for people alone: nobody compares them with a clock. */
export function leaseObject(lease: LeaseWriting, now: Date): KubernetesObject {
  return {
    ...leaseKind,
    metadata: {
      name: lease.name,
      namespace: lease.namespace,
      labels: { [labels.managedBy]: 'slipway', [labels.run]: lease.run },
      ownerReferences: [{ ...lease.owner, blockOwnerDeletion: false }],
      ...(lease.version === undefined ? {} : { resourceVersion: lease.version }),
    },
    spec: {
      holderIdentity: lease.holder,
      leaseDurationSeconds: lease.seconds,
      leaseTransitions: lease.transitions,
      renewTime: now.toISOString().replace('Z', '000Z'), // MicroTime
    },
  };
}
