import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packRecord, unpackRecord } from '../../../../../src/adapters/kubernetes/record/record-format.ts';
import type { RunRecord } from '../../../../../src/ports/run-record.ts';

const record: RunRecord = {
  formatVersion: 2,
  fence: 1,
  runId: '01JABC',
  pipeline: 'shop',
  namespace: 'ci',
  createdAt: 1,
  state: 'running',
  source: { file: 'app.yaml', text: 'name: shop' },
  parameters: {},
  trigger: {},
  agents: {},
  git: {},
  stages: {
    build: { state: 'done', attempt: 1, outputs: {}, environment: {}, offsets: { 'build.1.run': 12 } },
  },
};

describe('the record of a run', () => {
  it('comes back as it was written, small or large', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.constantFrom(1, 2000), (text, times) => {
        const given = { ...record, source: { file: 'app.yaml', text: text.repeat(times) } };

        expect(unpackRecord(packRecord(given), 'the record x')).toEqual(given);
      }),
    );
  });

  it('keeps what a later version of the same format adds', () => {
    const given = { ...record, addedLater: { a: 1 } } as RunRecord;

    expect(unpackRecord(packRecord(given), 'the record x')).toEqual(given);
  });

  it('refuses a newer format, and says what to do', () => {
    const packed = packRecord({ ...record, formatVersion: 3 as 2 });

    expect(() => unpackRecord(packed, 'the record slipway-run-x')).toThrow(
      'the record slipway-run-x was written in format 3; this version of Slipway reads up to 2',
    );
  });

  it('reads format 1, where there was one agent', () => {
    const { agents: _agents, ...rest } = record;
    const old = { ...rest, formatVersion: 1, addedLater: 'a' };
    const data = (more: object) => ({
      data: { formatVersion: '1', record: JSON.stringify({ ...old, ...more }) },
    });

    expect(unpackRecord(data({}), 'the record x')).toEqual({ ...record, addedLater: 'a' });
    expect(unpackRecord(data({ agentName: 'main-2' }), 'the record x')).toEqual({
      ...record,
      addedLater: 'a',
      agents: { main: 'main-2' },
    });
  });

  it.each([
    {},
    { data: { formatVersion: '1', record: '{' } },
    { data: { formatVersion: '1', record: '{}' } },
    { data: { formatVersion: '2', record: '{"formatVersion":2}' } },
  ])('refuses what is no record: %j', (data) => {
    expect(() => unpackRecord(data, 'the record x')).toThrow('the record x cannot be read');
  });

  it('refuses what does not fit into a ConfigMap', () => {
    const text = randomBytes(1_000_000).toString('base64');

    expect(() => packRecord({ ...record, source: { file: 'a', text } })).toThrow('too large');
  });
});
