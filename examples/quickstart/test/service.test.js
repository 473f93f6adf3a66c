import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { createService } from '../service.js';

describe('the service', () => {
  const service = createService('7.8.9');
  let address;
  before(async () => {
    address = `http://127.0.0.1:${await service.listen(0)}`;
  });
  after(() => service.close(0));

  it('greets with its version', async () => {
    const response = await fetch(address);
    assert.equal(await response.text(), 'Hello from version 7.8.9\n');
  });

  it('tells its version as JSON', async () => {
    const response = await fetch(`${address}/version`);
    assert.deepEqual(await response.json(), { version: '7.8.9' });
  });

  it('is healthy', async () => {
    const response = await fetch(`${address}/healthz`);
    assert.equal(response.status, 200);
  });

  it('answers 404 to a path it does not know', async () => {
    const response = await fetch(`${address}/nowhere`);
    assert.equal(response.status, 404);
  });
});

describe('a service that is being closed', () => {
  it('answers once more on a connection that is kept alive, and then ends it', async () => {
    const service = createService('1.0.0');
    const port = await service.listen(0);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });

    const before = await get(agent, port);
    const closed = service.close(10_000);
    const during = await get(agent, port);
    await closed;

    assert.deepEqual(before, { status: 200, connection: 'keep-alive' });
    assert.deepEqual(during, { status: 200, connection: 'close' });
    await assert.rejects(get(agent, port), { code: 'ECONNREFUSED' });
  });
});

function get(agent, port) {
  return new Promise((resolve, reject) => {
    request({ agent, port, host: '127.0.0.1', path: '/' }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve({ status: response.statusCode, connection: response.headers.connection }),
      );
    })
      .once('error', reject)
      .end();
  });
}
