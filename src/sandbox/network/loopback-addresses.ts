/**
 * Addresses for pods that share the machine's network: each has one of 127.32.0.0/16 of its own, on which every process
 * that listens on all addresses answers.
 */
export function createLoopbackAddresses(): { take(): string; give(address: string): void } {
  const taken = new Set<string>();
  // Another sandbox on the machine begins somewhere else.
  let last = Math.floor(Math.random() * 60_000);

  function take(): string {
    for (;;) {
      last = (last + 1) % 63_000;
      const address = `127.32.${Math.floor(last / 250)}.${(last % 250) + 1}`;
      if (taken.has(address)) continue;
      taken.add(address);
      return address;
    }
  }

  return { take, give: (address) => void taken.delete(address) };
}
