import type { Answer, HoldMark } from '../kubernetes/hold-mark.ts';
import type { CandidateShare, TesterHeader } from '../kubernetes/http-route.ts';
import type { Detach, Pause } from '../kubernetes/stand-mark.ts';
import type { RolloutFields } from '../kubernetes/rollout-fields.ts';
import type { Workload } from '../kubernetes/workload-objects.ts';
import type { KubernetesObject, ObjectReference } from '../ports/kubernetes-object.ts';

/** The selector of a Service. */
export type Selector = Readonly<Record<string, string>>;

/** The objects of a release that it holds and whose traffic it moves. */
export interface HeldParts {
  deployment: Workload;
  /** The Service whose traffic moves; missing: its traffic is shared by all pods that are there. */
  service?: KubernetesObject;
  /** Name of the Service that the release makes for the new pods. */
  previewName?: string;
  /** What shares the traffic out between the two Services by weight; missing: nothing does. */
  router?: RouterParts;
}

/** What shares traffic out between two Services. */
export interface RouterParts {
  kind: 'HTTPRoute' | 'Ingress';
  name: string;
  tester?: TesterHeader;
}

/** A ReplicaSet of a Deployment, in pods. */
export interface SeenReplicaSet {
  name: string;
  /** Its `pod-template-hash`. */
  hash: string;
  /** `spec.replicas` */
  wanted: number;
  /** Pods that are there. */
  present: number;
  ready: number;
  /** None of its pods counts as available: its `minReadySeconds` is that of a held rollout, and its status says so; missing: some may. */
  isHeld?: true;
}

/** A Deployment that a release holds, or is about to. */
export interface SeenDeployment {
  reference: ObjectReference;
  /** What the next write is guarded by. */
  resourceVersion: string;
  /** Its controller has seen it as it is. */
  isObserved: boolean;
  /** `spec.replicas` */
  desired: number;
  fields: RolloutFields;
  /** Missing: no release holds it. */
  mark?: HoldMark;
  /** A person's answer to a release that waits. */
  answer?: Answer;
  /** A person has paused the release. */
  pause?: Pause;
  /** The runner of the release is to leave it. */
  detach?: Detach;
  /** The ReplicaSet of its template; missing before it is made. */
  live?: SeenReplicaSet;
  sets: readonly SeenReplicaSet[];
}

/** A Service of a held Deployment. */
export interface SeenService {
  reference: ObjectReference;
  resourceVersion: string;
  selector: Selector;
  /** Ready endpoints by the hash of their pods. */
  endpoints: Readonly<Record<string, number>>;
}

/** A router as it is. */
export interface SeenRouter {
  reference: ObjectReference;
  resourceVersion: string;
  share: CandidateShare;
  /** It is followed as it is now. */
  isInForce: boolean;
  /** Milliseconds after a write until it is followed, where nothing says when; default 0. */
  settleMs?: number;
  /** Why it is not followed, or cannot share the traffic out. */
  problem?: string;
}

/** What is seen of a release that holds its Deployment. Missing parts are not there. */
export interface DeploymentHolding {
  deployment?: SeenDeployment;
  /** What the revision's manifests say. */
  manifest: {
    deployment: ObjectReference;
    replicas: number;
    fields: RolloutFields;
  };
  /** The revision has another pod template than the live one; only where it was asked for. */
  changesPods?: boolean;
}

/** What is seen of a release that also moves the traffic of a Service. */
export interface Holding extends DeploymentHolding {
  /** The Service whose traffic moves. */
  active?: SeenService;
  /** The Service of the candidate that the release has made. */
  preview?: SeenService;
  manifest: DeploymentHolding['manifest'] & { service: ObjectReference; selector: Selector };
  previewName: string;
  /** A Service of that name is there that the release has not made. */
  isPreviewTaken: boolean;
  /** Missing: there is none, or the release uses none. */
  router?: SeenRouter;
}

/** Whether the release moves the traffic of a Service. */
export function hasTraffic(holding: DeploymentHolding): holding is Holding {
  return 'previewName' in holding;
}

/** What a release does to hold a Deployment, to move its traffic and to let it go. Each is guarded by what was seen. */
export type HoldingAction =
  /** Applies the revision with its Deployment held. */
  | {
      type: 'hold';
      revision: number;
      step: string;
      before: RolloutFields;
      /** Name of the Service that stays as it is. */
      active?: string;
      /** The router that stays as it is. */
      router?: RouterParts;
      /** New pods beside the old ones; missing: as many as there are old ones. The number of pods stays what it is. */
      share?: { surge: number; stable: string };
    }
  /** Writes the rollout fields, with the template of a ReplicaSet where one is named; `step` missing: the mark goes. */
  | {
      type: 'rollout';
      deployment: ObjectReference;
      resourceVersion: string;
      fields: RolloutFields;
      before: RolloutFields;
      replicaSet?: string;
      step?: string;
    }
  /** Writes a Service's selector in one request, with the rest of the Service as the revision has it where one is named. */
  | {
      type: 'selectPods';
      service: ObjectReference;
      resourceVersion?: string;
      selector: Selector;
      revision?: number;
    }
  /** Makes the Service by which the candidate is reached before it gets traffic. */
  | { type: 'preview'; active: string; revision: number; name: string; selector: Selector }
  | { type: 'removePreview'; service: ObjectReference }
  /** Gives the new pods' Service a share of what the team's Service gets, in percent; `percent` missing: the router's own backends alone. */
  | {
      type: 'route';
      router: ObjectReference;
      resourceVersion: string;
      service: string;
      candidate: string;
      percent?: number;
      tester?: TesterHeader;
    };
