import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../src/config.js';

describe('readConfig', () => {
  it('takes the settings from the environment', () => {
    const config = readConfig({ CURRENCY: 'EUR', TAX_PERCENT: '19', PORT: '9000' });

    assert.deepEqual(config, { currency: 'EUR', taxPercent: 19, port: 9000 });
  });

  it('listens on 8080 when no port is given', () => {
    assert.equal(readConfig({ CURRENCY: 'EUR', TAX_PERCENT: '0' }).port, 8080);
  });

  it('names every wrong setting at once', () => {
    assert.throws(() => readConfig({ CURRENCY: 'euro' }), /CURRENCY.*TAX_PERCENT/);
  });
});
