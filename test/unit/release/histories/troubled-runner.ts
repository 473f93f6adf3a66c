import type { CallOptions, Cluster, WatchEvent } from '../../../../src/ports/cluster.ts';
import { UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../../../src/ports/kubernetes-object.ts';
import type { VirtualClock } from '../../../fakes/virtual-clock.ts';
import type { Course } from '../release-courses.ts';

/** What befalls one runner of a release, beside faults of its calls and its end. */
export interface Trouble extends Course {
  /** Reads at which its process stands still for 40 s, longer than its lease lasts. */
  frozenAt: readonly number[];
  /** Events of its watches at which they break, or come late. */
  watchFaults: readonly { at: number; type: 'breaks' | 'late' }[];
  /** Times, from its begin, for which it gets no answers. */
  cuts?: readonly { atMs: number; forMs: number }[];
}

/** A runner without trouble. */
export const noTrouble: Trouble = { faults: [], frozenAt: [], watchFaults: [] };

const writes = ['create', 'replace', 'apply', 'patch', 'delete'];
const calls = [...writes, 'get', 'list', 'firstServed'];
const lateMs = 17_000;
const frozenMs = 40_000;

/** What a runner in trouble sees of a cluster. */
export interface TroubledView {
  cluster: Cluster;
  clock: VirtualClock;
  trouble: Trouble;
  /** Called before each write of another object than a Lease: whether the runner holds its lease is to be looked at. */
  onWrite: (text: string) => void;
}

/** The cluster as a runner sees it: its process stands still at times, it is cut off, and its watches fail. */
export function troubledCluster({ cluster, clock, trouble, onWrite }: TroubledView): Cluster {
  const { signal } = new AbortController();
  const begunMs = clock.monotonicMs();
  let reads = 0;
  let events = 0;
  let frozenUntilMs = 0;
  const thaw = async () => {
    while (frozenUntilMs > clock.monotonicMs())
      await clock.sleep(frozenUntilMs - clock.monotonicMs(), { signal });
  };
  const isCut = () => {
    const ms = clock.monotonicMs() - begunMs;
    return trouble.cuts?.some(({ atMs, forMs }) => ms >= atMs && ms < atMs + forMs) === true;
  };
  const call = async (method: string, args: readonly unknown[], forward: () => unknown) => {
    const { kind } = args[0] as KubernetesObject & ObjectReference;
    const options = args.at(-1) as CallOptions;
    if (isCut()) {
      await clock.sleep(1000, options);
      throw new UnreachableError(`no answer (${method})`);
    }
    if (kind === 'Lease') await thaw();
    else if (writes.includes(method)) {
      await options.beforeWrite?.(options);
      onWrite(`${method} ${kind}`);
    } else {
      if (trouble.frozenAt.includes(reads)) frozenUntilMs = clock.monotonicMs() + frozenMs;
      reads += 1;
      await thaw();
    }
    return forward();
  };
  const watched = async function* (stream: AsyncIterable<WatchEvent>, options: CallOptions) {
    for await (const event of stream) {
      const fault = trouble.watchFaults.find(({ at }) => at === events);
      events += 1;
      if (fault?.type === 'breaks') throw new UnreachableError('the watch broke');
      if (fault?.type === 'late') await clock.sleep(lateMs, options);
      while (isCut()) await clock.sleep(1000, options);
      yield event;
    }
  };
  return new Proxy(cluster, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = (value as (...args: unknown[]) => unknown).bind(target);
      if (name === 'watch')
        return (...args: Parameters<Cluster['watch']>) =>
          watched(method(...args) as AsyncIterable<WatchEvent>, args[2]);
      if (!calls.includes(String(name))) return method;
      return (...args: unknown[]) => call(String(name), args, () => method(...args));
    },
  });
}
