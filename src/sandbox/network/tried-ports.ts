import { readFileSync } from 'node:fs';

/** State of a connection that waits for its answer, in /proc/net/tcp. */
const synSent = '02';

/** How many packets have vanished in the network of `pid` so far; cheap to read, unlike what was tried. */
export function droppedPackets(pid: number): number {
  try {
    const [names = '', values = ''] = readFileSync(`/proc/${pid}/net/snmp`, 'utf8').split('\n');
    return Number(values.split(' ')[names.split(' ').indexOf('InAddrErrors')]);
  } catch {
    // The relay has ended; so will the pods.
    return 0;
  }
}

/** Remote ports to which something in the network of `holder` is just trying to connect. */
export function triedPorts(holder: number): number[] {
  try {
    const rows = readFileSync(`/proc/${holder}/net/tcp`, 'utf8').trim().split('\n').slice(1);
    return rows
      .map((row) => row.trim().split(/\s+/))
      .flatMap(([, , remote = '', state]) =>
        state === synSent ? [Number.parseInt(remote.split(':')[1] ?? '', 16)] : [],
      );
  } catch {
    // The pod has just gone.
    return [];
  }
}
