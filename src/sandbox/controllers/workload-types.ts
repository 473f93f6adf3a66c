/** The parts of Kubernetes' workload kinds that the controllers read or write (apps/v1, batch/v1, core/v1, policy/v1). */
import type { StoredObject } from '../store/objects.ts';

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelRequirement[];
}

export interface LabelRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
}

/** A status condition; Deployments alone have lastUpdateTime, Jobs lastProbeTime. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
  lastProbeTime?: string;
  observedGeneration?: number;
}

export interface ContainerPort {
  name?: string;
  containerPort: number;
  protocol?: string;
}

export interface PodSpec {
  containers: { name: string; ports?: ContainerPort[]; [field: string]: unknown }[];
  restartPolicy?: string;
  nodeName?: string;
  nodeSelector?: Record<string, string>;
  hostname?: string;
  subdomain?: string;
  volumes?: { name: string; [field: string]: unknown }[];
  [field: string]: unknown;
}

export interface PodStatus {
  phase?: string;
  podIP?: string;
  conditions?: Condition[];
  containerStatuses?: {
    restartCount?: number;
    state?: { terminated?: { finishedAt?: string } };
    [field: string]: unknown;
  }[];
}

export type Pod = StoredObject<PodSpec, PodStatus>;

export interface PodTemplate {
  metadata?: {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [field: string]: unknown;
  };
  spec: PodSpec;
}

export type IntOrPercent = number | string;

export interface DeploymentSpec {
  replicas: number;
  selector: LabelSelector;
  template: PodTemplate;
  strategy: { type: string; rollingUpdate?: { maxSurge?: IntOrPercent; maxUnavailable?: IntOrPercent } };
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  progressDeadlineSeconds?: number;
  paused?: boolean;
}

export interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  collisionCount?: number;
  conditions?: Condition[];
}

export type Deployment = StoredObject<DeploymentSpec, DeploymentStatus> & { spec: DeploymentSpec };

export interface ReplicaSetSpec {
  replicas: number;
  minReadySeconds?: number;
  selector: LabelSelector;
  template: PodTemplate;
}

export interface ReplicaSetStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  observedGeneration?: number;
  conditions?: Condition[];
}

export type ReplicaSet = StoredObject<ReplicaSetSpec, ReplicaSetStatus> & { spec: ReplicaSetSpec };

export interface StatefulSetSpec {
  replicas: number;
  serviceName?: string;
  selector: LabelSelector;
  template: PodTemplate;
  podManagementPolicy?: string;
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } };
  volumeClaimTemplates?: { metadata: { name: string; [field: string]: unknown }; spec: unknown }[];
}

export type StatefulSet = StoredObject<StatefulSetSpec, Record<string, unknown>> & { spec: StatefulSetSpec };

export interface DaemonSetSpec {
  selector: LabelSelector;
  template: PodTemplate;
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  updateStrategy?: { type?: string; rollingUpdate?: { maxUnavailable?: IntOrPercent } };
}

export type DaemonSet = StoredObject<DaemonSetSpec, Record<string, unknown>> & { spec: DaemonSetSpec };

export interface JobSpec {
  parallelism?: number;
  completions?: number;
  backoffLimit?: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  suspend?: boolean;
  selector?: LabelSelector;
  template: PodTemplate;
}

export interface JobStatus {
  startTime?: string;
  completionTime?: string;
  active?: number;
  succeeded?: number;
  failed?: number;
  conditions?: Condition[];
}

export type Job = StoredObject<JobSpec, JobStatus> & { spec: JobSpec };

export interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
  targetPort?: number | string;
  appProtocol?: string;
}

export interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  selector?: Record<string, string>;
  ports?: ServicePort[];
  publishNotReadyAddresses?: boolean;
}

export type Service = StoredObject<ServiceSpec>;

export interface DisruptionBudgetSpec {
  minAvailable?: IntOrPercent;
  maxUnavailable?: IntOrPercent;
  selector?: LabelSelector;
  unhealthyPodEvictionPolicy?: string;
}

export type DisruptionBudget = StoredObject<DisruptionBudgetSpec, Record<string, unknown>>;
