/** What can be set of the adapter; times in milliseconds. */
export interface KubernetesSettings {
  /** What failures of one call, or of following one step, may take in all before they are final. */
  retryBudgetMs: number;
  /** What one attempt of a request may take. */
  attemptMs: number;
  /** A connection without a byte or a keep-alive for this long is taken for dead and reopened. */
  silenceMs: number;
  /** A watch without a byte for this long is taken for dead; an API server sends a bookmark about once a minute. */
  watchSilenceMs: number;
  /** How long a pod may stay unschedulable before the run fails; longer where nodes are added on demand. */
  unschedulableMs: number;
  /** Bytes of output of one step that are kept in the pod. */
  stepLogBytes: number;
  /** A lease that was not seen to be renewed for this long may be taken over. */
  leaseMs: number;
}

export const defaultSettings: KubernetesSettings = {
  retryBudgetMs: 120_000,
  attemptMs: 20_000,
  silenceMs: 20_000,
  watchSilenceMs: 100_000,
  unschedulableMs: 8_000,
  stepLogBytes: 4 * 1024 ** 3,
  leaseMs: 15_000,
};
