import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { it } from 'node:test';
import { createService } from '../service.js';

it('tells its version as JSON', async () => {
  const server = await listening('7.8.9');

  const response = await fetch(`http://127.0.0.1:${server.address().port}/version`);

  assert.deepEqual(await response.json(), { version: '7.8.9' });
  await server.drain(0);
});

it('answers once more on a connection that is kept alive, and then ends it', async () => {
  const server = await listening('1.0.0');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { port } = server.address();

  const before = await connectionOf(agent, port);
  const drained = server.drain(10_000);
  const during = await connectionOf(agent, port);
  await drained;

  assert.deepEqual([before, during], ['keep-alive', 'close']);
});

async function listening(version) {
  const server = createService(version).listen(0);
  await once(server, 'listening');
  return server;
}

function connectionOf(agent, port) {
  return new Promise((resolve, reject) => {
    request({ agent, port, host: '127.0.0.1' }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.headers.connection));
    })
      .once('error', reject)
      .end();
  });
}
