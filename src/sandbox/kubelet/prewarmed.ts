/** At most so many are kept ready. */
const mostPrewarmed = 10;
/** Pods that start need the processor themselves: more are made when nothing was taken for so long. */
const calmMs = 1000;

/** What pods to come need, made ahead. */
export interface Prewarmed<T> {
  /** One that is ready, or a new one. */
  take(): Promise<T>;
  /** Makes no more; returns those that were not taken. */
  close(): T[];
}

/**
 * Keeps ready what takes about as long to make as a small program to start: as many as have been taken so far, at most
 * ten, so that a sandbox in which nothing runs has none.
 */
export function createPrewarmed<T>(make: () => Promise<T>): Prewarmed<T> {
  const ready: T[] = [];
  let taken = 0;
  let coming = 0;
  let calm: NodeJS.Timeout | undefined;

  async function makeAhead(): Promise<void> {
    coming += 1;
    try {
      ready.push(await make());
    } catch {
      // The next pod tries it itself, and reports what is wrong.
    } finally {
      coming -= 1;
    }
  }

  function fill(): void {
    for (let missing = Math.min(mostPrewarmed, taken) - ready.length - coming; missing > 0; missing -= 1)
      void makeAhead();
  }

  function take(): Promise<T> {
    taken += 1;
    clearTimeout(calm);
    calm = setTimeout(fill, calmMs).unref();
    const one = ready.shift();
    return one === undefined ? make() : Promise.resolve(one);
  }

  function close(): T[] {
    clearTimeout(calm);
    taken = 0;
    return ready.splice(0);
  }

  return { take, close };
}
