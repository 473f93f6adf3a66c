import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startServer } from '../src/server.js';

describe('the server', () => {
  const server = startServer({ version: '4.5.6', config: { currency: 'EUR', taxPercent: 0 } }, 0);
  let address;
  before(async () => {
    address = `http://127.0.0.1:${await server.ready}`;
  });
  after(() => server.close(0));

  for (const [path, status, body] of [
    ['/healthz', 200, { status: 'ok' }],
    ['/version', 200, { version: '4.5.6' }],
    ['/prices/buoy', 200, { article: 'buoy', price: '89.90 EUR' }],
    ['/prices/submarine', 404, { error: 'there is no /prices/submarine' }],
    ['/nowhere', 404, { error: 'there is no /nowhere' }],
  ]) {
    it(`answers ${status} to ${path}`, async () => {
      const response = await fetch(`${address}${path}`);

      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), body);
    });
  }
});
