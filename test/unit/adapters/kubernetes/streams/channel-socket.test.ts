import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { ChannelSocket } from '../../../../../src/adapters/kubernetes/streams/channel-socket.ts';

class FakeSocket extends EventEmitter {
  protocol = 'v4.channel.k8s.io';
  paused = false;
  readonly sent: Buffer[] = [];
  pause() {
    this.paused = true;
  }
  resume() {
    this.paused = false;
  }
  send(data: Buffer, _options: unknown, done: () => void) {
    this.sent.push(data);
    done();
  }
  terminate() {
    this.emit('close', 1006, Buffer.alloc(0));
  }
}

function open(): { socket: FakeSocket; channel: ChannelSocket } {
  const socket = new FakeSocket();
  return { socket, channel: new ChannelSocket(socket as unknown as WebSocket) };
}

describe('a socket of channels', () => {
  it('gives messages in order, and its end after the last of them', async () => {
    const { socket, channel } = open();

    socket.emit('message', Buffer.from('\u0001out'));
    socket.emit('message', Buffer.from('\u0003{}'));
    socket.emit('close', 1006, Buffer.alloc(0));

    await expect(channel.next()).resolves.toEqual({ channel: 1, data: Buffer.from('out') });
    await expect(channel.next()).resolves.toEqual({ channel: 3, data: Buffer.from('{}') });
    await expect(channel.next()).resolves.toBeUndefined();
    expect(channel.closeReason).toBe('code 1006');
  });

  it('lets the network wait while nobody reads, and goes on when somebody does', async () => {
    const { socket, channel } = open();
    const message = Buffer.alloc(600 * 1024, 1);

    socket.emit('message', message);
    expect(socket.paused).toBe(false);
    socket.emit('message', message);
    expect(socket.paused).toBe(true);
    await channel.next();
    await channel.next();

    expect(socket.paused).toBe(false);
  });

  it('puts the channel before what it sends', async () => {
    const { socket, channel } = open();

    await channel.send(0, Buffer.from('in'));

    expect(socket.sent).toEqual([Buffer.from('\u0000in')]);
  });

  it('sends nothing after the end', async () => {
    const { socket, channel } = open();

    channel.close();
    await channel.send(0, Buffer.from('in'));

    expect(socket.sent).toEqual([]);
  });
});
