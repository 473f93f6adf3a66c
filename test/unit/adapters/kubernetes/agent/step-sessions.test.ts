import { describe, expect, it } from '@jest/globals';
import { ControlParser } from '../../../../../src/adapters/kubernetes/agent/control-records.ts';
import { StepSessions } from '../../../../../src/adapters/kubernetes/agent/step-sessions.ts';
import type { ChannelMessage } from '../../../../../src/adapters/kubernetes/streams/channel-socket.ts';
import { scriptedSocket } from '../../../../fakes/scripted-socket.ts';

const idle: ChannelMessage = {
  channel: 2,
  data: Buffer.from(`${String.fromCharCode(0x1e)}SLIPWAY idle\n`),
};
const ended: ChannelMessage = { channel: 3, data: Buffer.from('{"status":"Success"}') };

const state = (isIdle: boolean) => ({ control: new ControlParser(), idle: isIdle });

describe('execs that wait for a step', () => {
  it('are taken by the next step of the same container, once', async () => {
    const sessions = new StepSessions();
    const socket = scriptedSocket([]);

    sessions.keep('main', socket, state(true));

    await expect(sessions.take('other')).resolves.toBeUndefined();
    await expect(sessions.take('main')).resolves.toBe(socket);
    await expect(sessions.take('main')).resolves.toBeUndefined();
    sessions.dispose();
  });

  it('are waited for until the wrapper is ready for the next step', async () => {
    const sessions = new StepSessions();
    const socket = scriptedSocket([{ channel: 1, data: Buffer.from('left behind') }, idle]);

    sessions.keep('main', socket, state(false));

    await expect(sessions.take('main')).resolves.toBe(socket);
    sessions.dispose();
  });

  it.each([
    ['ends instead of waiting', scriptedSocket([ended])],
    ['says nothing', scriptedSocket([])],
  ])('are closed when the wrapper %s', async (_, socket) => {
    const sessions = new StepSessions();
    const other = scriptedSocket([]);

    sessions.keep('main', other, state(true));
    sessions.keep('main', socket, state(false));

    await expect(sessions.take('main')).resolves.toBe(other);
    expect(socket.closeReason).toBeDefined();
    sessions.dispose();
  });

  it('are not taken when their connection has ended', async () => {
    const sessions = new StepSessions();
    const socket = scriptedSocket([]);

    sessions.keep('main', socket, state(true));
    socket.close();

    await expect(sessions.take('main')).resolves.toBeUndefined();
    sessions.dispose();
  });

  it('are closed with the agent, and so are those that come later', () => {
    const sessions = new StepSessions();
    const [before, after] = [scriptedSocket([]), scriptedSocket([])];

    sessions.keep('main', before, state(true));
    sessions.dispose();
    sessions.keep('main', after, state(true));

    expect([before.closeReason, after.closeReason]).toEqual(['closed by this side', 'closed by this side']);
  });
});
