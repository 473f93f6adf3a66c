import { channels } from '../streams/exec.ts';
import { parseExecStatus } from '../streams/exec-status.ts';
import type { ChannelSocket } from '../streams/channel-socket.ts';
import type { ControlParser } from './control-records.ts';

/** An exec that has nothing to do is kept for this long: one that was lost without a word must not be taken later. */
const keepMs = 5000;
/** What the wrapper may take between the end of a step and its readiness for the next. */
const restMs = 500;

interface IdleSession {
  socket: ChannelSocket;
  /** Whether the wrapper waits for the next step. */
  idle: Promise<boolean>;
  timer: NodeJS.Timeout;
}

/**
 * The execs of an agent that have run a step and may run the next one: opening an exec takes longer than many a step.
 * One exec runs one step at a time; several are kept when stages ran side by side.
 */
export class StepSessions {
  readonly #kept = new Map<string, IdleSession[]>();
  #disposed = false;

  /** Keeps an exec whose step has ended; `idle`: the wrapper has said that it waits for the next. */
  keep(
    container: string,
    socket: ChannelSocket,
    { control, idle }: { control: ControlParser; idle: boolean },
  ): void {
    if (this.#disposed || socket.closeReason !== undefined) {
      socket.close();
      return;
    }
    const kept = this.#kept.get(container) ?? [];
    this.#kept.set(container, kept);
    const session: IdleSession = {
      socket,
      idle: idle ? Promise.resolve(true) : isIdle(socket, control),
      timer: setTimeout(() => {
        kept.splice(kept.indexOf(session), 1);
        socket.close();
      }, keepMs).unref(),
    };
    kept.push(session);
  }

  /** An exec of the container whose wrapper waits for a step; undefined when there is none. */
  async take(container: string): Promise<ChannelSocket | undefined> {
    for (;;) {
      const session = this.#kept.get(container)?.pop();
      if (session === undefined) return undefined;
      clearTimeout(session.timer);
      if ((await session.idle) && session.socket.closeReason === undefined) return session.socket;
      session.socket.close();
    }
  }

  dispose(): void {
    this.#disposed = true;
    for (const { socket, timer } of [...this.#kept.values()].flat()) {
      clearTimeout(timer);
      socket.close();
    }
    this.#kept.clear();
  }
}

async function isIdle(socket: ChannelSocket, control: ControlParser): Promise<boolean> {
  try {
    return (await untilIdle(socket, control, AbortSignal.timeout(restMs))).type === 'idle';
  } catch {
    return false; // it said what this version does not know
  }
}

/** What came of waiting for the wrapper. */
type Waited =
  | { type: 'idle' }
  /** The wrapper, or what was to start it, has ended by itself, with these words. */
  | { type: 'ended'; diagnostics: string }
  | { type: 'lost'; reason: string };

/** Waits until the wrapper says that it waits for a step. Does not close the exec but when `signal` ends it. */
export async function untilIdle(
  socket: ChannelSocket,
  control: ControlParser,
  signal: AbortSignal,
): Promise<Waited> {
  const abort = () => socket.close();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    for (;;) {
      const message = await socket.next();
      if (message === undefined) return { type: 'lost', reason: socket.closeReason ?? 'no reason given' };
      if (message.channel === channels.status) {
        const status = parseExecStatus(message.data.toString('utf8'));
        return status.type === 'lost' ? status : { type: 'ended', diagnostics: control.diagnostics };
      }
      if (message.channel !== channels.stderr) continue;
      if (control.push(message.data).some(({ type }) => type === 'idle')) return { type: 'idle' };
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
