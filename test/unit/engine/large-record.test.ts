import { describe, expect, it } from '@jest/globals';
import { largestOfRun, largestOfStage, OutputLimits } from '../../../src/engine/output-limits.ts';
import { RecordFormatError, RecordTooLargeError } from '../../../src/ports/record-errors.ts';
import type { StageResult } from '../../../src/ports/stage.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

const three = pipelineOf(`
stages:
  - {name: first, wait: {for: 1s}}
  - {name: second, wait: {for: 9s}}
  - {name: third, wait: {for: 1h}}
finally:
  - {name: tell, wait: {for: 1s}}
`);
const tooLarge = () => new RecordTooLargeError('the record has 901 kB; the limit is 900 kB');
const damaged = () => new RecordFormatError('the record cannot be read: it is damaged');

function result(bytes: number, more: Partial<StageResult> = {}): StageResult {
  return { outcome: 'succeeded', outputs: { n: 'x'.repeat(bytes - 1) }, environment: {}, ...more };
}

describe('what stages hand on', () => {
  it('may be as large as the limit of a stage, and not a byte larger', () => {
    const limits = new OutputLimits({ stages: {} });

    expect(limits.hold('a', result(largestOfStage))).toEqual(result(largestOfStage));
    expect(() => limits.hold('a', result(largestOfStage + 1))).toThrow(
      'its outputs and environment have 257 KiB; the limit of a stage is 256 KiB',
    );
  });

  it('counts in bytes, names and environment included', () => {
    const limits = new OutputLimits({ stages: {} });
    const values = {
      outputs: { ä: 'ö'.repeat(largestOfStage / 4) },
      environment: { B: 'x'.repeat(131_070) },
    };

    expect(() => limits.hold('a', { outcome: 'succeeded', ...values })).toThrow('257 KiB');
  });

  it('is limited for all stages together, with what the record holds of a resumed run', () => {
    const done = { state: 'done', attempt: 1, offsets: {}, ...result(largestOfStage) } as const;
    const limits = new OutputLimits({ stages: { a: done } });

    limits.hold('b', result(largestOfRun - largestOfStage));
    limits.hold('b', result(largestOfRun - largestOfStage)); // a retry, in place of what it had

    expect(() => limits.hold('c', result(1))).toThrow(
      'with its outputs and environment (1 KiB) those of the run have 513 KiB; the limit of a run is 512 KiB',
    );
  });

  it('of a stage that failed by itself is left out when it is too much, and its own message stays', () => {
    const limits = new OutputLimits({ stages: {} });

    const held = limits.hold('a', result(largestOfStage + 1, { outcome: 'failed', message: 'exit code 7' }));

    expect(held).toMatchObject({ outcome: 'failed', outputs: {}, environment: {} });
    expect(held.message).toMatch(/^exit code 7; its outputs and environment have 257 KiB/);
  });

  it('fails the stage that makes it too large, with size and limit, and the run is recorded', async () => {
    const stages = ['a', 'b', 'c', 'd'].map((name) => `  - {name: ${name}, run: *big}`);
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: first, run: &big "output n=${'x'.repeat(110_000)}"}
${stages.join('\n')}
  - {name: next, wait: {for: 1s}}
`),
    );

    const ended = await harness.start();

    expect(ended).toMatchObject({
      outcome: 'failed',
      message: expect.stringMatching(
        /^d: .*\(108 KiB\) those of the run have 538 KiB; the limit of a run is 512 KiB$/,
      ),
    });
    expect(outcomesOf(ended)).toMatchObject({ c: 'succeeded', d: 'failed', next: 'skipped' });
    expect(harness.store.recordOf('01RUN')).toMatchObject({ state: 'finished', outcome: 'failed' });
  });
});

describe('a record that cannot be written, however often it is tried', () => {
  it.each<() => Error>([tooLarge, damaged])(
    'ends the run by its own error, after the finally stages',
    async (make) => {
      const harness = new RunHarness(three);
      harness.after(2000, () => harness.store.failWrites.push(...Array.from({ length: 1000 }, make)));

      const ended = await harness.start();

      expect(ended).toMatchObject({ outcome: 'failed', message: make().message });
      expect(outcomesOf(ended)).toMatchObject({ third: 'cancelled', tell: 'succeeded' });
      expect(harness.events.at(-1)).toMatchObject({ type: 'run.finished', outcome: 'failed' });
    },
  );

  it('ends a run by its own error also when all stages have succeeded', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 10s}}]'));
    harness.after(9999, () => harness.store.failWrites.push(...Array.from({ length: 1000 }, damaged)));

    const ended = await harness.start();

    expect(ended).toMatchObject({ outcome: 'failed', message: damaged().message });
    expect(outcomesOf(ended)).toEqual({ a: 'succeeded' });
  });

  it('is written without outputs at the end when it was too large, so that nothing resumes the run', async () => {
    const harness = new RunHarness(three.replace('wait: {for: 1s}', 'run: "output n=x\\nenv A=b"'));
    harness.after(2000, () => {
      const update = harness.store.update.bind(harness.store);
      harness.firstStore.update = async (stored, record, options) => {
        if (record.state !== 'finished') throw tooLarge();
        return update(stored, record, options);
      };
    });

    const ended = await harness.start();

    expect(ended).toMatchObject({ outcome: 'failed', message: tooLarge().message });
    const record = harness.store.recordOf('01RUN');
    expect(record).toMatchObject({ state: 'finished', outcome: 'failed' });
    expect(record?.stages['first']).toMatchObject({ outcome: 'succeeded', outputs: {}, environment: {} });
  });

  it('says so of a run whose stages have all succeeded', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, run: "sleep 10s\\noutput n=x"}]'));
    harness.after(9000, () => harness.store.failWrites.push(damaged()));
    harness.after(9001, () => harness.store.change('01RUN', (record) => record));

    const ended = await harness.start();

    expect(ended).toMatchObject({ outcome: 'failed', message: damaged().message });
  });

  it('is not tried again and again', async () => {
    const harness = new RunHarness(three);
    harness.after(2000, () => harness.store.failWrites.push(...Array.from({ length: 1000 }, damaged)));

    await harness.start();

    expect(harness.store.failWrites.length).toBeGreaterThan(980);
  });
});
