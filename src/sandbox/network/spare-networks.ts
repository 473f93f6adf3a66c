/** So many are kept ready. */
const READY = 10;
/** Pods that start need the processor themselves: networks are made ahead when none has come for so long. */
const CALM_MS = 1000;

/** Networks for pods to come. */
export interface SpareNetworks<N> {
  /** One that is ready, or a new one. */
  take(): Promise<N>;
  close(): void;
}

/**
 * Keeps networks ready once pods have begun to come, since making one takes about as long as the start of a small
 * program. What it makes belongs to `make`, which also ends those that nobody took.
 */
export function createSpareNetworks<N>(make: () => Promise<N>): SpareNetworks<N> {
  const ready: N[] = [];
  let coming = 0;
  let calm: NodeJS.Timeout | undefined;

  async function makeAhead(): Promise<void> {
    coming += 1;
    try {
      ready.push(await make());
    } catch {
      // The next pod tries it itself, and tells what is wrong.
    } finally {
      coming -= 1;
    }
  }

  function fill(): void {
    for (let missing = READY - ready.length - coming; missing > 0; missing -= 1) void makeAhead();
  }

  function take(): Promise<N> {
    clearTimeout(calm);
    calm = setTimeout(fill, CALM_MS).unref();
    const network = ready.shift();
    return network === undefined ? make() : Promise.resolve(network);
  }

  return { take, close: () => clearTimeout(calm) };
}
