import { describe, expect, it } from '@jest/globals';
import {
  followStep,
  type FollowContext,
  type FollowRequest,
} from '../../../../../src/adapters/kubernetes/agent/step-follow.ts';
import type { ChannelMessage } from '../../../../../src/adapters/kubernetes/streams/channel-socket.ts';
import { scriptedSocket } from '../../../../fakes/scripted-socket.ts';
import { VirtualClock } from '../../../../fakes/virtual-clock.ts';
import { AgentError } from '../../../../../src/ports/agent.ts';
import { ForbiddenError, UnreachableError } from '../../../../../src/ports/cluster-errors.ts';

const mark = String.fromCharCode(0x1e);
const stdout = (text: string): ChannelMessage => ({ channel: 1, data: Buffer.from(text) });
const say = (text: string): ChannelMessage => ({ channel: 2, data: Buffer.from(`${mark}SLIPWAY ${text}\n`) });
const onStderr = (data: Buffer): ChannelMessage => ({ channel: 2, data });
const status = (body: unknown): ChannelMessage => ({ channel: 3, data: Buffer.from(JSON.stringify(body)) });

/** An exec that says these messages; then it ends, or stays silent. */
interface Scene {
  messages: readonly ChannelMessage[];
  silent?: boolean;
}

function stage(scenes: readonly (Scene | Error)[], more: Partial<FollowContext> = {}) {
  const asked: string[] = [];
  const reasons: string[] = [];
  const output: string[] = [];
  let next = 0;
  const clock = new VirtualClock();
  const context: FollowContext = {
    open: async (args) => {
      asked.push(args.slice(0, 3).join(' '));
      const scene = scenes[Math.min(next, scenes.length - 1)]!;
      next += 1;
      if (scene instanceof Error) throw scene;
      return scriptedSocket(scene.messages, { breaks: scene.silent !== true });
    },
    failure: new AbortController().signal,
    graceMs: () => 0,
    confirm: async () => undefined,
    clock,
    silenceMs: 20_000,
    budgetMs: 120_000,
    onReconnect: ({ reason }) => void reasons.push(reason),
    ...more,
  };
  const request: FollowRequest = {
    id: 'build',
    launch: { script: Buffer.from('true'), logLimit: 1000, timestamps: false, background: false },
    fromOffset: 0,
    onOutput: (chunk, offset) => void output.push(`${String(offset)}:${chunk.toString('utf8')}`),
  };
  const follow = (signal = new AbortController().signal) => followStep(context, request, signal);
  return { asked, reasons, output, follow, request, clock };
}

describe('following a step', () => {
  it('waits for an API server that refuses right after it was away', async () => {
    const { follow, output } = stage([
      { messages: [say('started'), stdout('one\n')] },
      new UnreachableError('refused'),
      new ForbiddenError('pods/exec', { status: 403 }),
      { messages: [say('started'), stdout('two\n'), say('end 0 8 0 0 0 0')] },
    ]);

    expect((await follow()).end).toMatchObject({ exitCode: 0 });
    expect(output).toEqual(['0:one\n', '4:two\n']);
  });

  it('that was stopped with its container waits for the pod to say why', async () => {
    const failure = new AbortController();
    const gone = new AgentError('evicted', 'the pod was evicted');
    const stopped = [say('started'), say('ending'), status({ status: 'Failure' })];
    const { follow, reasons } = stage([{ messages: stopped }], {
      failure: failure.signal,
      confirm: async () => failure.abort(gone),
    });

    await expect(follow()).rejects.toBe(gone);

    expect(reasons).toEqual(['its container is being stopped', 'its container is being stopped']);
  });

  it('takes the end from what the pod says', async () => {
    const { follow, output } = stage([
      { messages: [say('started'), stdout('hello\n'), say('end 3 6 0 0 0 0')] },
    ]);

    await expect(follow()).resolves.toMatchObject({ end: { exitCode: 3, logBytes: 6 }, received: 6 });
    expect(output).toEqual(['0:hello\n']);
  });

  it('waits for the rest of the log when the end is told before it', async () => {
    const { follow, output } = stage([
      { messages: [say('end 0 6 0 0 0 0'), stdout('hel'), stdout('lo\nleft behind')] },
    ]);

    await expect(follow()).resolves.toMatchObject({ received: 6 });
    expect(output).toEqual(['0:hel', '3:lo\n']);
  });

  it('takes the end of a step whose log was deleted, when nothing more of it can come', async () => {
    const { follow, asked } = stage([
      { messages: [say('started'), stdout('ab')] },
      { messages: [say('started'), say('end 3 9 0 0 0 0 0'), status({ status: 'Success' })] },
    ]);

    await expect(follow()).resolves.toMatchObject({ end: { exitCode: 3, logBytes: 9 }, received: 2 });
    expect(asked).toEqual(['run build 4', 'follow build 2']);
  });

  it('asks again for what is still there of the log of a step that has ended', async () => {
    const { follow, output } = stage([
      { messages: [say('started'), say('end 0 4 0 0 0 0 4'), stdout('ab'), status({ status: 'Success' })] },
      { messages: [say('started'), stdout('cd'), say('end 0 4 0 0 0 0 4')] },
    ]);

    await expect(follow()).resolves.toMatchObject({ received: 4 });
    expect(output).toEqual(['0:ab', '2:cd']);
  });

  it('never takes the end of a connection, or the success of the follower, for the end of the step', async () => {
    const { follow, asked } = stage([
      { messages: [say('started'), stdout('ab')] },
      { messages: [stdout('cd'), status({ status: 'Success' })] },
      { messages: [say('end 7 5 0 0 0 0'), stdout('e')] },
    ]);

    await expect(follow()).resolves.toMatchObject({ end: { exitCode: 7 }, received: 5 });
    expect(asked).toEqual(['run build 4', 'follow build 2', 'follow build 4']);
  });

  it('hands on the exec of a step that it has started and seen to its end, and no other', async () => {
    const kept: boolean[] = [];
    const keep: FollowContext['keep'] = (_, { idle }) => void kept.push(idle);
    const end = say('end 0 0 0 0 0 0');

    await stage([{ messages: [say('idle'), say('started'), end] }], { keep }).follow();
    await stage([{ messages: [Buffer.concat([end.data, say('idle').data])].map(onStderr) }], {
      keep,
    }).follow();
    await stage([{ messages: [say('started')] }, { messages: [end] }], { keep }).follow();

    expect(kept).toEqual([false, true]);
  });

  it('asks to start it again when nothing says that it was started', async () => {
    const { follow, asked } = stage([
      { messages: [] },
      { messages: [say('broken')] },
      { messages: [say('started'), say('end 0 0 0 0 0 0')] },
    ]);

    await follow();

    expect(asked).toEqual(['run build 4', 'run build 4', 'run build 4']);
  });

  it('begins anew when nothing is heard, and not when there are signs of life', async () => {
    const quiet = stage([
      { messages: [say('started')], silent: true },
      { messages: [say('end 0 0 0 0 0 0')] },
    ]);

    await quiet.follow();

    expect(quiet.reasons).toEqual([expect.stringContaining('no data for 20 s')]);
  });

  it('stays with a step that says nothing for three times the limit, while its pod gives signs of life', async () => {
    const messages = [
      say('started'),
      ...Array.from({ length: 9 }, () => say('alive')),
      say('end 7 0 0 0 0 0'),
    ];
    const { follow, reasons, clock } = stage([new Error('unused')], {
      silenceMs: 20_000,
      open: async () => {
        const socket = scriptedSocket(messages, { breaks: false });
        const next = socket.next.bind(socket);
        socket.next = async () => {
          await clock.sleep(7_000, { signal: new AbortController().signal }); // about a third of the limit
          return socket.closeReason === undefined ? next() : undefined;
        };
        return socket;
      },
    });

    await expect(follow()).resolves.toMatchObject({ end: { exitCode: 7 } });

    expect(reasons).toEqual([]);
  });

  it('does not take a slow reader for a dead connection', async () => {
    const { follow, request, reasons, clock } = stage([
      { messages: [say('started'), stdout('slow'), say('end 0 4 0 0 0 0')] },
    ]);
    request.onOutput = () => clock.sleep(600_000, { signal: new AbortController().signal });

    await follow();

    expect(reasons).toEqual([]);
  });

  it('gives up when the budget is spent, and says for how long', async () => {
    const { follow } = stage([new UnreachableError('connection refused')], { budgetMs: 60_000 });

    await expect(follow()).rejects.toMatchObject({
      problem: 'stepLost',
      message: expect.stringMatching(/no contact with step build for (6|7)\d s: connection refused/),
    });
  });

  it('does not count what was got through against the budget', async () => {
    const scenes = Array.from({ length: 8 }, () => ({ messages: [stdout('x')] }));
    const { follow } = stage([...scenes, { messages: [say('end 0 8 0 0 0 0')] }], { budgetMs: 60 });

    await expect(follow()).resolves.toMatchObject({ received: 8 });
  });

  it('ends with the pod’s problem', async () => {
    const failing = new AbortController();
    const problem = new AgentError('evicted', 'the pod was evicted');
    const { follow } = stage([{ messages: [] }], { failure: failing.signal });
    const following = follow();

    failing.abort(problem);

    await expect(following).rejects.toBe(problem);
  });

  it.each<[string, Scene | Error, string, string]>([
    ['the pod does not know it', { messages: [say('unknown')] }, 'stepLost', 'infrastructure'],
    [
      'nobody will write its exit code',
      { messages: [say('started'), say('lost')] },
      'stepLost',
      'infrastructure',
    ],
    ['exec is forbidden', new ForbiddenError('pods/exec', { status: 403 }), 'forbidden', 'failure'],
  ])('is an error when %s', async (_, scene, problem, fault) => {
    await expect(stage([scene]).follow()).rejects.toMatchObject({ problem, fault });
  });

  it('ends when it is aborted', async () => {
    const aborting = new AbortController();
    const following = stage([{ messages: [say('started')], silent: true }]).follow(aborting.signal);

    aborting.abort(new Error('enough'));

    await expect(following).rejects.toThrow('enough');
  });
});
