import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../../src/ports/cluster.ts';
import { RejectedError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { guardedCluster, type ClusterWrite } from '../../../src/release/guarded-cluster.ts';
import { PatientCluster, untilAnswered } from '../../../src/release/patient-cluster.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const options = { signal };
const kind = { apiVersion: 'v1', kind: 'ConfigMap' };
const reference = { ...kind, name: 'web', namespace: 'shop' };
const object = { ...kind, metadata: { name: 'web', namespace: 'shop' } };
const selection = { namespace: 'shop' };
const patch = { type: 'merge', body: {} } as const;

/** Every call, with all that it is given. */
const calls: Record<Exclude<keyof Cluster, 'identity'>, unknown[]> = {
  version: [options],
  get: [reference, options],
  list: [kind, selection, options],
  watch: [kind, selection, options],
  served: [kind, options],
  firstServed: [[kind], options],
  mayI: [[{ verb: 'get', group: '', resource: 'pods' }], options],
  create: [object, options],
  replace: [object, options],
  apply: [object, options],
  patch: [reference, patch, options],
  delete: [reference, options],
};
const names = Object.keys(calls) as (keyof typeof calls)[];

/** A cluster that answers each call with its name, after it has failed as often as it is told. */
function answering(failures: Error[] = []) {
  const asked: [string, unknown[]][] = [];
  const answer =
    (name: string) =>
    (...given: unknown[]) => {
      asked.push([name, given]);
      const failure = failures.shift();
      return failure === undefined ? Promise.resolve(name) : Promise.reject(failure);
    };
  const methods = Object.fromEntries(names.map((name) => [name, answer(name)]));
  const cluster = { identity: { name: 'test', server: 'https://test', namespace: 'shop' }, ...methods };
  return { cluster: cluster as unknown as Cluster, asked };
}

const call = (cluster: Cluster, name: keyof typeof calls, given = calls[name]) =>
  (cluster[name] as (...all: unknown[]) => Promise<unknown>).apply(cluster, given);

const noAnswer = () => new UnreachableError('no answer');

function patient(failures: Error[]) {
  const clock = new VirtualClock();
  const waited: string[] = [];
  const patience = { clock, onWait: async ({ message }: Error) => void waited.push(message) };
  const { cluster, asked } = answering(failures);
  return { clock, waited, patience, asked, cluster: new PatientCluster(cluster, patience) };
}

describe('a cluster for a release that waits', () => {
  it.each(names.filter((name) => name !== 'watch'))('repeats %s until it is answered', async (name) => {
    const { cluster, asked } = patient([noAnswer(), noAnswer()]);

    expect(await call(cluster, name)).toBe(name);
    expect(asked).toEqual(Array.from({ length: 3 }, () => [name, calls[name]]));
  });

  it('leaves watches alone: they are opened again by those who follow them', async () => {
    const { cluster, asked } = patient([]);

    expect(await call(cluster, 'watch')).toBe('watch');
    expect(asked).toEqual([['watch', calls.watch]]);
  });

  it('is the cluster that it stands for', () => {
    expect(patient([]).cluster.identity.server).toBe('https://test');
  });
});

describe('a call that is repeated until it is answered', () => {
  it('is tried every two seconds, and told of at its first failure', async () => {
    const { clock, cluster, waited } = patient([noAnswer(), new UnreachableError('still none')]);
    const begunMs = clock.monotonicMs();

    await cluster.get(reference, options);

    expect(clock.monotonicMs() - begunMs).toBe(4000);
    expect(waited).toEqual(['no answer']);
  });

  it('ends after ten minutes', async () => {
    const { clock, patience } = patient([]);
    const begunMs = clock.monotonicMs();
    const asked = untilAnswered(() => Promise.reject(noAnswer()), patience, options);

    await expect(asked).rejects.toThrow('no answer');

    expect(clock.monotonicMs() - begunMs).toBe(600_000);
  });

  it('ends at once by what the API answers', async () => {
    const { cluster, asked, waited } = patient([new RejectedError('not allowed', { status: 403 })]);

    await expect(cluster.get(reference, options)).rejects.toThrow('not allowed');

    expect(asked).toHaveLength(1);
    expect(waited).toEqual([]);
  });

  it('ends with the reason of an abort', async () => {
    const { clock, patience } = patient([]);
    const abort = new AbortController();
    const begunMs = clock.monotonicMs();
    const asked = untilAnswered(
      () => {
        abort.abort(new Error('stop'));
        return Promise.reject(new RejectedError('cut off', { status: 400 }));
      },
      patience,
      { signal: abort.signal },
    );

    await expect(asked).rejects.toThrow('stop');

    expect(clock.monotonicMs()).toBe(begunMs);
  });
});

describe('a cluster whose writes are checked', () => {
  const writes: Partial<Record<keyof typeof calls, ClusterWrite>> = {
    create: { type: 'create', object },
    replace: { type: 'replace', object },
    apply: { type: 'apply', object },
    patch: { type: 'patch', reference },
    delete: { type: 'delete', reference },
  };

  it.each(names)('passes %s on with all that it is given', async (name) => {
    const { cluster, asked } = answering();
    const checked: ClusterWrite[] = [];
    const guarded = guardedCluster(cluster, (write, given) => {
      checked.push(write);
      return { ...given, priority: 'urgent' };
    });

    expect(await call(guarded, name)).toBe(name);

    const write = writes[name];
    const sent = write === undefined ? options : { ...options, priority: 'urgent' };
    expect(asked).toEqual([[name, [...calls[name].slice(0, -1), sent]]]);
    expect(checked).toEqual(write === undefined ? [] : [write]);
    expect(guarded.identity).toBe(cluster.identity);
  });

  it('sends none that the check keeps back', async () => {
    const { cluster, asked } = answering();
    const guarded = guardedCluster(cluster, () => Promise.reject(new Error('not held')));

    for (const name of Object.keys(writes) as (keyof typeof calls)[])
      await expect(call(guarded, name)).rejects.toThrow('not held');

    expect(asked).toEqual([]);
  });
});
