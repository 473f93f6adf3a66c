import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import { createEventStream } from '../../../src/engine/event-stream.ts';
import { replayLogs } from '../../../src/engine/replay-logs.ts';
import type { AgentView } from '../../../src/ports/agent.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { TimedEvent } from '../../../src/ports/events.ts';
import type { RunRecord, StageRecord } from '../../../src/ports/run-record.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

type ReadLog = AgentView['readLog'];

const stage = (more: Partial<StageRecord>): StageRecord => ({
  ...{ state: 'done', attempt: 1, outputs: {}, environment: {}, offsets: {} },
  ...more,
});

/** Replays the logs of one pod, and tells what the reporter got. */
class Replay {
  readonly clock = new VirtualClock();
  readonly told: string[] = [];
  readonly stop = new AbortController();
  views = 0;
  closed = 0;
  readLog: ReadLog = async ({ id }, { onOutput }) => onOutput(Buffer.from(`log of ${id}`), 0);
  lacksLog: ((id: string) => boolean) | undefined = () => true;
  view: () => Promise<void> = async () => undefined;

  async run(stages: Record<string, StageRecord>, steps: readonly string[]): Promise<void> {
    const { clock, told, stop, lacksLog } = this;
    const handle = (event: TimedEvent) => {
      if (event.type === 'step.output')
        told.push(`${event.id} ${String(event.offset)} ${event.chunk.toString()}`);
      else told.push('id' in event ? `${event.type} ${event.id} ${event.stage} ${event.step}` : event.type);
      const { shownBefore } = event as { shownBefore?: boolean };
      if (shownBefore !== true) told.push('as new');
    };
    const view: AgentView = {
      pod: 'demo-main',
      namespace: 'ci',
      steps: async ({ signal }) => {
        signal.throwIfAborted();
        return steps.map((id) => ({ id, container: 'main' }));
      },
      followStep: () => Promise.reject(new Error('nothing is followed')),
      readLog: (step, options) => this.readLog(step, options),
      close: () => void (this.closed += 1),
    };
    const agents = {
      view: async () => {
        this.views += 1;
        await this.view();
        return [view];
      },
    };
    await replayLogs({
      dependencies: { agents, clock, ...defined({ lacksLog }) } as never,
      events: createEventStream('01RUN', { handle, close: async () => undefined }, clock),
      record: { stages, runId: '01RUN', namespace: 'ci' } as RunRecord,
      parents: [stop.signal],
    });
  }
}

describe('the logs of steps that no stage follows again', () => {
  it('are those of stages that are done and of earlier attempts, each with its end', async () => {
    const replay = new Replay();
    const stages = {
      'test.1': stage({ attempt: 2 }),
      build: stage({ state: 'running', attempt: 2 }),
      pack: stage({ restoring: true }),
      next: stage({ state: 'running' }),
    };
    const steps = [
      ...['test.1.1.run', 'test.1.2.run', 'build.1.run', 'build.2.run', 'pack.1.run', 'next.1.run'],
      ...['other.1.run', 'odd'],
    ];

    await replay.run(stages, steps);

    expect(replay.told).toEqual(
      ['test.1.1.run test.1', 'test.1.2.run test.1', 'build.1.run build'].flatMap((line) => {
        const [id = '', name = ''] = line.split(' ');
        return [`${id} 0 log of ${id}`, `step.end ${id} ${name} run`];
      }),
    );
    expect([replay.closed, replay.clock.sleeping]).toEqual([1, 0]);
  });

  it('are read only when somebody lacks them', async () => {
    const replay = new Replay();
    replay.lacksLog = (id) => id === 'b.1.run';

    await replay.run({ a: stage({}), b: stage({}) }, ['a.1.run', 'b.1.run']);
    replay.lacksLog = undefined;
    await replay.run({ a: stage({}) }, ['a.1.run']);

    expect(replay.told).toEqual(['b.1.run 0 log of b.1.run', 'step.end b.1.run b run']);
    expect(replay.views).toBe(1);
  });

  it.each<[string, Record<string, StageRecord>, number]>([
    ['nothing has begun', {}, 0],
    ['the first attempts are under way', { a: stage({ state: 'running' }) }, 0],
    ['one of two is done', { a: stage({}), b: stage({ state: 'running' }) }, 1],
    ['there was an attempt before', { a: stage({ state: 'running', attempt: 2 }) }, 1],
  ])('are looked for as often as it says when %s', async (_case, stages, views) => {
    const replay = new Replay();

    await replay.run(stages, []);

    expect(replay.views).toBe(views);
  });
});

describe('the reading of a log', () => {
  const one = { a: stage({}) };

  it('is begun again when the API does not answer, and tells each byte once', async () => {
    const replay = new Replay();
    let reads = 0;
    replay.readLog = async (_step, { onOutput }) => {
      reads += 1;
      await onOutput(Buffer.from('one '), 0);
      if (reads === 1) throw new UnreachableError('no answer');
      await onOutput(Buffer.from('two '), 4);
      if (reads === 2) throw new UnreachableError('no answer');
      await onOutput(Buffer.from('two three'), 4);
    };

    await replay.run(one, ['a.1.run']);

    expect(replay.told).toEqual([
      'a.1.run 0 one ',
      'a.1.run 4 two ',
      'a.1.run 8 three',
      'step.end a.1.run a run',
    ]);
    expect(reads).toBe(3);
  });

  it.each<[string, () => Error, number]>([
    ['no answer comes to three', () => new UnreachableError('no answer'), 3],
    ['it fails otherwise', () => new Error('it is gone'), 1],
  ])('is given up when %s', async (_case, make, expected) => {
    const replay = new Replay();
    let reads = 0;
    replay.readLog = async () => {
      reads += 1;
      throw make();
    };

    await expect(replay.run(one, ['a.1.run'])).rejects.toThrow(make().message);

    expect([reads, replay.closed, replay.clock.sleeping]).toEqual([expected, 1, 0]);
    expect(replay.told).toEqual([]);
  });

  it('ends with the run’s reason when the run is stopped', async () => {
    const replay = new Replay();
    replay.readLog = async () => {
      replay.stop.abort(new Error('stopped'));
      throw new UnreachableError('no answer');
    };

    await expect(replay.run(one, ['a.1.run'])).rejects.toThrow('stopped');
  });

  it('has five minutes', async () => {
    const replay = new Replay();
    const begun = replay.clock.now();
    replay.readLog = (_step, { signal }) => replay.clock.sleep(3_600_000, { signal });

    await expect(replay.run(one, ['a.1.run'])).rejects.toThrow(
      'reading the logs of stages that are done took longer than 300 s',
    );

    expect(replay.clock.now() - begun).toBe(300_000);
  });

  it('does not begin when the run was stopped while the pods were looked for', async () => {
    const replay = new Replay();
    replay.view = async () => replay.stop.abort(new Error('stopped'));

    await expect(replay.run(one, ['a.1.run'])).rejects.toThrow('stopped');

    expect([replay.told, replay.closed]).toEqual([[], 1]);
  });
});
