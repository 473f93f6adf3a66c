import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatMoney, grossCents } from '../src/prices.js';

describe('prices', () => {
  it('adds the tax and rounds to a cent', () => {
    assert.equal(grossCents('rope', 19), 1_488);
  });

  it('has no price for an unknown article', () => {
    assert.equal(grossCents('submarine', 19), undefined);
  });

  it('writes cents with two digits', () => {
    assert.equal(formatMoney(1_205, 'EUR'), '12.05 EUR');
  });
});
