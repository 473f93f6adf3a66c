import { describe, expect, it } from '@jest/globals';
import { AgentPool, type AgentPoolOptions } from '../../../src/engine/agent-pool.ts';
import { Ownership } from '../../../src/engine/ownership.ts';
import { AgentError, type Agent, type AgentSpec } from '../../../src/ports/agent.ts';
import type { CallOptions } from '../../../src/ports/cluster.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { RunEvent } from '../../../src/ports/events.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import type { PlannedAgent, PlanNode } from '../../../src/plan/plan.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const planned: PlannedAgent = {
  pipeline: 'demo',
  namespace: 'ci',
  containers: [
    { name: 'node', image: 'node:24', env: {} },
    { name: 'tools', image: 'tools:1', env: {} },
  ],
  services: [],
  imagePullSecrets: [],
  startTimeoutMs: 60_000,
};
const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-run-01run', uid: 'u1' };
const isIn = (agent: string) => ({ agent, needsAgent: true }) as PlanNode;

/** A pool between an API that a test decides about, and a list of what happened. */
class World {
  readonly clock = new VirtualClock();
  readonly said: string[] = [];
  readonly lost = new AbortController();
  acquire: (spec: AgentSpec, options: CallOptions) => Promise<void> = async () => undefined;
  ready: (options: CallOptions) => Promise<void> = async (options) => options.signal.throwIfAborted();
  release: (options: CallOptions) => Promise<void> = async () => undefined;
  readonly pool: AgentPool;

  constructor(options: Partial<AgentPoolOptions> = {}, names: readonly string[] = ['main']) {
    const confirm = async () => void this.said.push('confirm');
    const lease = { fence: 1, leaseLost: this.lost.signal, confirm };
    this.pool = new AgentPool({
      agents: {
        acquire: async (spec, call) => {
          this.said.push(`acquire ${spec.name}`);
          await this.acquire(spec, call);
          const { name, namespace } = spec;
          const ready = (waiting: CallOptions) => this.ready(waiting);
          return { pod: `pod-${name}`, id: name, namespace, ready } as unknown as Agent;
        },
        release: async (run, call) => {
          this.said.push(`release ${JSON.stringify(run)} ${call.priority ?? ''}`);
          await call.beforeWrite?.({ signal: call.signal });
          await this.release(call);
        },
      },
      plan: { namespace: 'ci', agents: Object.fromEntries(names.map((name) => [name, planned])) },
      replaced: {},
      common: { runId: '01RUN', deadlineSeconds: 100, owner },
      resumed: false,
      clock: this.clock,
      ownership: new Ownership(lease),
      emit: async (event: RunEvent) => void this.said.push(described(event)),
      onReplaced: (agent, name) => void this.said.push(`${agent} is ${name}`),
      ...options,
    });
  }

  close(keep = false): Promise<void> {
    return this.pool.close({ keep, cleanupMs: 5000 });
  }

  /** Until nothing happens any more. */
  settle(ms = 1): Promise<void> {
    return this.clock.sleep(ms, { signal });
  }
}

function described(event: RunEvent): string {
  switch (event.type) {
    case 'notice':
      return `${event.level}: ${event.message}`;
    case 'agent.problem':
      return `problem of "${event.pod}": ${event.problem}`;
    case 'agent.kept':
      return `kept ${event.pod} in ${event.namespace}: ${event.containers.join(', ')}`;
    case 'agent.ready':
      return `ready ${event.pod} after ${String(event.durationMs)}`;
    default:
      return 'pod' in event ? `${event.type} ${event.pod}` : event.type;
  }
}

/** Like a call of the API that gets no answer. */
const noAnswer = ({ signal: until }: CallOptions) =>
  new Promise<never>((_resolve, reject) => {
    until.addEventListener('abort', () => reject(until.reason as Error));
  });

describe('the agents of a run', () => {
  it('are made of the plan, the run and its record', async () => {
    const specs: AgentSpec[] = [];
    const world = new World({ replaced: { main: 'main-3' } });
    world.acquire = async (spec) => void specs.push(spec);

    world.pool.start([isIn('main'), isIn('main'), { ...isIn('main'), needsAgent: false }]);
    await world.settle();

    expect(specs).toEqual([{ ...planned, runId: '01RUN', deadlineSeconds: 100, owner, name: 'main-3' }]);
    expect(world.pool.of({ agent: 'main' }).containers).toEqual(['node', 'tools']);
  });

  it('are those of the plan alone', () => {
    expect(() => new World().pool.of({ agent: 'other' })).toThrow('there is no agent "other"');
  });

  it('tell how long they took to be ready, and at once when they cannot', async () => {
    const world = new World({}, ['main', 'web']);
    world.ready = ({ signal: until }) => world.clock.sleep(1500, { signal: until });
    world.acquire = async ({ name }) => {
      if (name === 'web') throw new AgentError('quota', 'no room');
    };

    world.pool.start([isIn('main'), isIn('web')]);
    await world.settle(2000);

    expect(world.said.slice(2).sort()).toEqual([
      'agent.created pod-main',
      'problem of "": quota',
      'ready pod-main after 1500',
    ]);
  });

  it('tell of a pod that was made and cannot start by its name', async () => {
    const world = new World();
    world.ready = async () => {
      throw new AgentError('imagePull', 'no such image');
    };

    world.pool.start([isIn('main')]);
    await world.settle();

    expect(world.said.at(-1)).toBe('problem of "pod-main": imagePull');
  });
});

describe('the removal of the agents', () => {
  it('removes the pods of the run, and tells of each that was made', async () => {
    const world = new World({}, ['main', 'web', 'idle']);
    world.acquire = async ({ name }) => {
      if (name === 'web') throw new AgentError('quota', 'no room');
    };
    world.pool.start([isIn('main'), isIn('web')]);
    await world.settle();
    world.said.length = 0;

    await world.close();

    expect(world.said).toEqual([
      'release {"runId":"01RUN","namespace":"ci"} urgent',
      'confirm',
      'agent.removed pod-main',
    ]);
    expect(world.clock.sleeping).toBe(0);
  });

  it('asks for nothing when there was no agent, unless an earlier runner may have left one', async () => {
    const [first, second] = [new World(), new World({ resumed: true })];

    await first.close();
    await second.close();

    expect(first.said).toEqual([]);
    expect(second.said).toEqual(['release {"runId":"01RUN","namespace":"ci"} urgent', 'confirm']);
  });

  it('comes after the end of a creation under way, which is given up', async () => {
    const world = new World();
    world.acquire = async (_spec, { signal: until }) => {
      await noAnswer({ signal: until }).catch(() => undefined);
      await world.clock.sleep(1000, { signal });
      world.said.push('made all the same');
    };
    world.pool.start([isIn('main')]);

    await world.close();

    expect(world.said).toEqual([
      'acquire main',
      'made all the same',
      'agent.created pod-main',
      'release {"runId":"01RUN","namespace":"ci"} urgent',
      'confirm',
      'agent.removed pod-main',
    ]);
    expect(world.clock.sleeping).toBe(0);
  });

  it('waits no longer than it may for such a creation', async () => {
    const world = new World();
    world.acquire = () => new Promise(() => undefined);
    world.pool.start([isIn('main')]);
    const begun = world.clock.now();

    await world.close();

    expect(world.clock.now() - begun).toBe(5000);
    expect(world.said.at(-2)).toMatch(/^release/);
  });

  it('says in one line why it did not succeed', async () => {
    const [one, two] = [new World(), new World({}, ['main', 'web'])];
    one.release = two.release = async () => {
      throw new UnreachableError('no answer');
    };
    one.pool.start([isIn('main')]);
    two.pool.start([isIn('main'), isIn('web')]);
    await one.settle();
    await two.settle();

    await one.close();
    await two.close();

    expect(one.said.at(-1)).toBe(
      'warning: the agent pod could not be removed: no answer; `pipeline gc` removes what is left',
    );
    expect(two.said.at(-1)).toMatch(/^warning: the agent pods could not be removed: no answer;/);
  });

  it('has its time', async () => {
    const world = new World();
    world.release = noAnswer;
    world.pool.start([isIn('main')]);
    await world.settle();
    const begun = world.clock.now();

    await world.close();

    expect(world.clock.now() - begun).toBe(5000);
    expect(world.said.at(-1)).toMatch(/^warning: .* removing the agent pods took longer than 5 s;/);
  });

  it('is not reported, and nothing more is said, when another runner has the run', async () => {
    const world = new World();
    world.pool.start([isIn('main')]);
    await world.settle();
    world.lost.abort(new LeaseLostError('taken over'));
    world.said.length = 0;

    await world.close();

    expect(world.said).toEqual(['release {"runId":"01RUN","namespace":"ci"} urgent']);
  });
});

describe('agents that are kept', () => {
  it('are told of with their containers, where there is a pod', async () => {
    const world = new World({}, ['main', 'idle']);
    world.pool.start([isIn('main')]);
    await world.settle();
    world.said.length = 0;

    await world.close(true);

    expect(world.said).toEqual(['kept pod-main in ci: node, tools']);
  });

  it.each<[string, (world: World) => void]>([
    ['they are kept', (world) => void world.close(true)],
    ['the run is left to another runner', (world) => world.pool.abandon()],
    ['another runner has taken the run', (world) => world.lost.abort(new LeaseLostError('taken over'))],
  ])('are not waited for, nor told of, once %s', async (_case, end) => {
    const world = new World();
    world.ready = ({ signal: until }) => world.clock.sleep(60_000, { signal: until });
    world.pool.start([isIn('main')]);
    await world.settle();

    end(world);
    await world.settle();
    const said = [...world.said];
    await world.settle(120_000);

    expect(world.clock.sleeping).toBe(0);
    expect(world.said).toEqual(said);
    expect(said.join()).not.toMatch(/ready|problem/);
  });
});

describe('a pod in place of a lost one', () => {
  it('is made once for all who ask, each time one is lost', async () => {
    const world = new World();
    const session = world.pool.of({ agent: 'main' });
    const first = session.current();
    await first.ready;
    world.said.length = 0;

    const [a, b] = await Promise.all([session.replace(first), session.replace(first)]);
    const late = await session.replace(first);
    const next = await session.replace(a);
    await next.ready;

    expect([a.number, b, late, next.number]).toEqual([2, a, a, 3]);
    expect(world.said.filter((line) => !line.startsWith('ready'))).toEqual([
      'release {"runId":"01RUN","namespace":"ci","agent":"main"} urgent',
      'confirm',
      'main is main-2',
      'acquire main-2',
      'agent.created pod-main-2',
      'release {"runId":"01RUN","namespace":"ci","agent":"main-2"} urgent',
      'confirm',
      'main is main-3',
      'acquire main-3',
      'agent.created pod-main-3',
    ]);
    expect(world.clock.sleeping).toBe(0);
  });

  it('is not made when the lost one cannot be removed in its time', async () => {
    const world = new World();
    const session = world.pool.of({ agent: 'main' });
    const first = session.current();
    await first.ready;
    world.release = noAnswer;

    await expect(session.replace(first)).rejects.toThrow('removing the lost agent pod took longer than 60 s');

    world.release = async () => undefined;
    expect(await session.replace(first)).toMatchObject({ number: 2 });
  });
});
