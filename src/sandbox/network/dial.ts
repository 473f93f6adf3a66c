import { connectTcp } from './connect-tcp.ts';
import type { PodNetwork } from './pod-network.ts';
import type { Dial } from './service-listener.ts';

/** Connects to endpoints: to pods by their network, to what somebody wrote down by its address. */
export function dialBy(network: PodNetwork): Dial {
  return ({ address, port, podUid }, signal) =>
    podUid === undefined ? connectTcp(address, port, signal) : network.connect(podUid, port, signal);
}
