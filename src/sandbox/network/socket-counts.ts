import { closeSync, openSync, readSync } from 'node:fs';

/** What the kernel counts of the sockets in one network. */
export interface SocketCounts {
  /** Whether there is no TCP socket at all: much cheaper than to ask a port on which nothing listens yet. */
  isEmpty(): boolean;
  /** To be called when the network is given up: it stays as long as its counts are open. */
  close(): void;
}

/** Opens the counts of the network of `pid`, proc_net(5). The files stay open, since to open one takes the most time. */
export function openSocketCounts(pid: number): SocketCounts {
  const files = ['sockstat', 'sockstat6'].map((name) => open(`/proc/${pid}/net/${name}`));
  const text = Buffer.alloc(1024);
  return {
    isEmpty: () =>
      !files.some((file) => {
        // Without IPv6 there is but one; without any the connection itself tells.
        if (file === undefined) return files[0] === undefined;
        const bytes = readSync(file, text, 0, text.length, 0);
        return /^TCP6?: inuse [1-9]/m.test(text.toString('latin1', 0, bytes));
      }),
    close: () => {
      for (const file of files.splice(0)) if (file !== undefined) closeSync(file);
    },
  };
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    // A kernel without IPv6, or the pod has just gone.
    return undefined;
  }
}
