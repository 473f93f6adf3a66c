/** What kind of trouble a workload has. */
export type SymptomKind =
  | 'imagePull'
  | 'crashLoop'
  | 'configuration'
  | 'creation'
  | 'unschedulable'
  | 'deadline'
  | 'failed'
  | 'missing'
  /** A container that had been ready was restarted, or one was killed for its memory. */
  | 'restarted'
  /** A container that had been ready is not any more. */
  | 'unready';

/** A symptom that Kubernetes shows. Whether it is a failure is for others to decide. */
export interface Symptom {
  kind: SymptomKind;
  /** One line with the names of what it is about. */
  message: string;
  /** The same as long as the symptom lasts. */
  key: string;
  /** Of an image pull: trying again will not help. */
  isFinal?: boolean;
  /** Of a container that cannot start: the API server or the runtime does not answer the kubelet, which tries again. */
  isPassing?: boolean;
  /**
   * Of pods that a quota refuses: whose pods may make room. `own`: this workload's are being replaced; `others`: it can
   * do nothing by itself before, as no old pod of it may go first.
   */
  room?: 'own' | 'others';
  /** Of a crash: how often the container was restarted. */
  restarts?: number;
  /** Of a crash: the kubelet waits before it restarts the container (CrashLoopBackOff). */
  backsOff?: boolean;
  /** The container whose log may say more. */
  pod?: { namespace: string; name: string; container: string; restarted: boolean };
}
