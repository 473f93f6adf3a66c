import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Output } from '../../../../src/adapters/report/output.ts';

/** A stream whose every write fails, as that of a closed file or a full disk. */
function failing(code: string): Writable {
  return new Writable({
    autoDestroy: false,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: write`), { code })),
  });
}

/** What three writes threw. */
async function threeWrites(output: Output): Promise<unknown[]> {
  const thrown: unknown[] = [];
  for (const text of ['a', 'b', 'c']) {
    await output.write(text).catch((error: unknown) => thrown.push((error as Error).message));
    await turn();
  }
  return thrown;
}

describe('the output of a run', () => {
  it.each(['ENOSPC', 'EBADF'])('tells once that it lost something: %s', async (code) => {
    expect(await threeWrites(new Output(failing(code)))).toEqual([`${code}: write`]);
  });

  it('says nothing of a reader that has gone', async () => {
    expect(await threeWrites(new Output(failing('EPIPE')))).toEqual([]);
  });
});
