const firstMs = 10_000;
const longestMs = 300_000;
/** A container that ran so long starts its back-off anew. */
const forgivenAfterMs = 600_000;

/** The kubelet's back-off: at once the first time, then 10 s, 20 s, 40 s ... 5 min; forgotten after 10 good minutes. */
export function createBackOff(): { next(ranForMs: number): number } {
  let delay = 0;
  return {
    next: (ranForMs) => {
      if (ranForMs >= forgivenAfterMs) delay = 0;
      const now = delay;
      delay = delay === 0 ? firstMs : Math.min(longestMs, delay * 2);
      return now;
    },
  };
}

/** A duration as Go writes it: `10s`, `1m20s`, `5m0s`. */
export function goSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
