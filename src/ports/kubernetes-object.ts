/** `metadata` as far as the core reads it. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: {
    apiVersion: string;
    kind: string;
    name: string;
    uid: string;
    controller?: boolean;
    blockOwnerDeletion?: boolean;
  }[];
  [field: string]: unknown;
}

/** Any Kubernetes object as plain data. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** A kind: `{apiVersion: 'apps/v1', kind: 'Deployment'}`. */
export interface ObjectKind {
  apiVersion: string;
  kind: string;
}

/** One object: its kind, its name and, for namespaced kinds, its namespace. */
export interface ObjectReference extends ObjectKind {
  name: string;
  namespace?: string;
}
