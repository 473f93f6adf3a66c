/** The kinds that the controllers work on, as they are stored, by the types of the client library. */
import type * as k8s from '@kubernetes/client-node';
import type { Condition, Plain, Pod, PodSpec } from '../kubelet/pod-types.ts';
import type { StoredObject } from '../store/objects.ts';

export type { Condition, Pod };
export type LabelSelector = Plain<k8s.V1LabelSelector>;
export type IntOrPercent = number | string;

/** A template of a pod; defaulting has filled in its spec. */
export type PodTemplate = Omit<Plain<k8s.V1PodTemplateSpec>, 'spec'> & { spec: PodSpec };

/** A workload: the fields that defaulting fills in are there. */
type Workload<Spec, Status = Record<string, unknown>> = StoredObject<Spec, Status> & { spec: Spec };
type Filled<Spec, Field extends keyof Spec & keyof Plain<Spec>> = Omit<Plain<Spec>, Field | 'template'> &
  Required<Pick<Plain<Spec>, Field>> & { template: PodTemplate };

export type Deployment = Workload<Filled<k8s.V1DeploymentSpec, 'replicas' | 'strategy'>, DeploymentStatus>;
export type ReplicaSet = Workload<Filled<k8s.V1ReplicaSetSpec, 'replicas'>, ReplicaSetStatus>;
export type StatefulSet = Workload<
  Omit<Filled<k8s.V1StatefulSetSpec, 'replicas'>, 'volumeClaimTemplates'> & {
    volumeClaimTemplates?: { metadata: { name: string }; spec: unknown }[];
  }
>;
export type DaemonSet = Workload<Filled<k8s.V1DaemonSetSpec, never>>;
export type Job = Workload<Filled<k8s.V1JobSpec, never>, JobStatus>;
export type JobSpec = Job['spec'];
export type Service = StoredObject<Plain<k8s.V1ServiceSpec>>;
export type DisruptionBudget = StoredObject<Plain<k8s.V1PodDisruptionBudgetSpec>, Record<string, unknown>>;

type WithConditions<Status> = Omit<Plain<Status>, 'conditions'> & { conditions?: Condition[] };
export type DeploymentStatus = WithConditions<k8s.V1DeploymentStatus>;
export type ReplicaSetStatus = WithConditions<k8s.V1ReplicaSetStatus>;
export type JobStatus = WithConditions<k8s.V1JobStatus>;
