import * as z from '../../../base/zod.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import type { LeaseReference, LeaseRequest } from '../../../ports/leases.ts';
import { labels } from '../agent/agent-names.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export const leaseKind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

const LeaseSchema = z.object({
  metadata: z.object({ name: z.string(), uid: z.string(), resourceVersion: z.string() }),
  spec: z.nullish(
    z.object({
      holderIdentity: z.nullish(z.string()),
      leaseTransitions: z.nullish(z.number()),
      leaseDurationSeconds: z.nullish(z.number()),
      acquireTime: z.nullish(z.string()),
    }),
  ),
});

/** A lease as stored; `version` changes with each renewal. */
export interface StoredLease {
  uid: string;
  version: string;
  /** Empty when it was released. */
  holder: string;
  fence: number;
  /** Milliseconds that it lasts, as its holder says; missing: it does not say. */
  durationMs?: number;
  /** For people. */
  acquireTime?: string;
}

/** Where a Lease is. */
export function leaseReference({ name, namespace }: LeaseReference) {
  return { ...leaseKind, name, namespace };
}

/** Reads a Lease object. */
export function parseLease(object: KubernetesObject): StoredLease {
  const { metadata, spec } = LeaseSchema.parse(object);
  const seconds = spec?.leaseDurationSeconds;
  const acquireTime = spec?.acquireTime;
  return {
    uid: metadata.uid,
    version: metadata.resourceVersion,
    holder: spec?.holderIdentity ?? '',
    fence: spec?.leaseTransitions ?? 0,
    ...(typeof seconds === 'number' ? { durationMs: seconds * 1000 } : {}),
    ...(typeof acquireTime === 'string' ? { acquireTime } : {}),
  };
}

/** What a lease is written with. */
export interface LeaseWriting {
  request: LeaseRequest;
  /** Empty to release it. */
  holder: string;
  fence: number;
  durationMs: number;
  /**
   * The lease that is written over, named by uid and version; missing: it is created. The uid matters: Kubernetes
   * creates a Lease on PUT where there is none, whatever the version says, and refuses to only when a uid is given.
   */
  over?: StoredLease;
}

/** The Lease object. Its times are for people alone: they are never compared with a clock. */
export function leaseObject(writing: LeaseWriting, now: Date): KubernetesObject {
  const { request, holder, fence, durationMs, over } = writing;
  const time = now.toISOString().replace('Z', '000Z'); // MicroTime
  const isSameHolder = over?.holder === holder || holder === '';
  return {
    ...leaseKind,
    metadata: {
      name: request.name,
      namespace: request.namespace,
      labels: { ...request.labels, [labels.managedBy]: 'slipway' },
      ...(request.owner === undefined
        ? {}
        : { ownerReferences: [{ ...request.owner, blockOwnerDeletion: false }] }),
      ...(over === undefined ? {} : { uid: over.uid, resourceVersion: over.version }),
    },
    spec: {
      ...(holder === '' ? {} : { holderIdentity: holder }),
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      leaseTransitions: fence,
      acquireTime: (isSameHolder ? over?.acquireTime : undefined) ?? time,
      renewTime: time,
    },
  };
}
