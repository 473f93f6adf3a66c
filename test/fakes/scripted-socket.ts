import type { ChannelMessage, ChannelSocket } from '../../src/adapters/kubernetes/streams/channel-socket.ts';

/**
 * An exec that says these messages. After them it is silent until it is closed, or, with `breaks`, it breaks without a
 * word. What is sent to it is taken and forgotten.
 */
export function scriptedSocket(
  messages: readonly ChannelMessage[],
  { breaks = false }: { breaks?: boolean } = {},
): ChannelSocket {
  const rest = [...messages];
  let closeReason: string | undefined;
  let wake: (() => void) | undefined;
  const socket = {
    get closeReason() {
      return closeReason;
    },
    next: async () => {
      const message = rest.shift();
      if (message !== undefined) return message;
      if (!breaks && closeReason === undefined) await new Promise<void>((resolve) => (wake = resolve));
      closeReason ??= 'code 1006';
      return undefined;
    },
    send: async () => undefined,
    close: (reason = 'closed by this side') => {
      closeReason ??= reason;
      wake?.();
    },
  };
  return socket as unknown as ChannelSocket;
}
