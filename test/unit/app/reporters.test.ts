import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { createReporters } from '../../../src/app/reporters.ts';

/** What is shown of one event on a terminal of this many rows. */
async function shownOn(rows: number): Promise<string> {
  const stdout = Object.assign(new PassThrough(), { isTTY: true, rows, columns: 80 });
  const { all } = await createReporters({
    ...{ format: 'auto', timestamps: false, quiet: false },
    stdout: stdout as unknown as NodeJS.WriteStream,
  });
  const [reporter] = all;
  await reporter!.handle({
    type: 'notice',
    level: 'info',
    message: 'words',
    runId: '01R',
    at: 0,
    sequence: 1,
  });
  await reporter!.close();
  return stripVTControlCharacters(String(stdout.read() ?? ''));
}

describe('the output that nobody chose', () => {
  it('is a tree on a terminal', async () => {
    expect(await shownOn(24)).toContain('· ');
  });

  it('is plain lines on a terminal without a size, which could show no tree', async () => {
    expect(await shownOn(0)).toBe('slipway: words\n');
  });
});
