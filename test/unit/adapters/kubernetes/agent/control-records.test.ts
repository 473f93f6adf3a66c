import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ControlParser,
  type ControlRecord,
} from '../../../../../src/adapters/kubernetes/agent/control-records.ts';

const mark = String.fromCharCode(0x1e);

function parse(chunks: readonly Buffer[]): { records: ControlRecord[]; diagnostics: string } {
  const parser = new ControlParser();
  const records = chunks.flatMap((chunk) => parser.push(chunk));
  return { records, diagnostics: parser.diagnostics };
}

const stream = Buffer.from(
  `${mark}SLIPWAY started\ncat: odd\n${mark}SLIPWAY alive\n${mark}SLIPWAY end 3 12 1 1 4 6\nA=1\nB=\n2\n\n`,
);

describe('what the follower says', () => {
  it('is the same wherever the network cuts it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length })), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const chunks = edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));

        const { records, diagnostics } = parse(chunks);

        expect(records.map(({ type }) => type)).toEqual(['started', 'alive', 'end']);
        expect(records[2]).toMatchObject({ exitCode: 3, logBytes: 12, outOfMemory: true, cancelled: true });
        expect(diagnostics).toBe('cat: odd');
      }),
    );
  });

  it('hands over the files byte for byte', () => {
    const { records } = parse([stream]);

    expect(records[2]).toMatchObject({
      files: { output: Buffer.from('A=1\n'), environment: Buffer.from('B=\n2\n\n') },
    });
  });

  it('does not wait for files that are too large to be handed over', () => {
    const { records } = parse([Buffer.from(`${mark}SLIPWAY end 0 0 0 0 2000000 0\n`)]);

    expect(records).toMatchObject([{ type: 'end', files: undefined }]);
  });

  it('keeps a bounded part of what tools complain of', () => {
    const { diagnostics } = parse(
      Array.from({ length: 1000 }, () => Buffer.from('no space left on device\n')),
    );

    expect(diagnostics.length).toBeLessThanOrEqual(4096);
    expect(diagnostics).toContain('no space left');
  });

  it('refuses an end without an exit code', () => {
    expect(() => parse([Buffer.from(`${mark}SLIPWAY end x\n`)])).toThrow('no exit code');
  });
});
