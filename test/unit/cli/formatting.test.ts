import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { exitCodeOfRun } from '../../../src/app/run-file.ts';
import { InputError } from '../../../src/base/errors.ts';
import { formatError } from '../../../src/cli/format-error.ts';
import { parseNameValues } from '../../../src/cli/name-value.ts';
import { notInPods } from '../../../src/cli/sandbox.ts';
import { age, table } from '../../../src/cli/table.ts';
import textWidth from '../../../src/cli/text-width.ts';
import { writeJson, writeLine } from '../../../src/cli/write-line.ts';
import type { RunOutcome } from '../../../src/ports/events.ts';

describe('the start of the sandbox', () => {
  it('names the proxy and the certificates of this machine that pods do not get', () => {
    const environment = {
      HTTPS_PROXY: 'http://u:pw@p:1',
      http_proxy: 'x',
      NODE_EXTRA_CA_CERTS: '/ca',
      HOME: '/',
    };

    expect(notInPods(environment)).toEqual([
      expect.stringMatching(
        /^its pods do not get HTTPS_PROXY, NODE_EXTRA_CA_CERTS, http_proxy of this machine/,
      ),
    ]);
    expect(notInPods({ HTTP_PROXY: '', HOME: '/' })).toEqual([]);
  });
});

describe('a table', () => {
  it('aligns its columns and leaves no space at the end of a line', () => {
    expect(
      table([
        ['RUN', 'STATE', 'BY'],
        ['1', 'succeeded', ''],
        ['1000', 'x', 'me'],
      ]),
    ).toBe(['RUN   STATE      BY', '1     succeeded', '1000  x          me'].join('\n'));
  });
});

describe('an age', () => {
  const secondMs = 1000;
  const hourMs = 3600 * secondMs;

  it.each([
    [0, '0s'],
    [119 * secondMs, '119s'],
    [120 * secondMs, '2m'],
    [119 * 60 * secondMs, '119m'],
    [2 * hourMs, '2h'],
    [47 * hourMs, '47h'],
    [48 * hourMs, '2d'],
    [-5 * secondMs, '0s'],
  ])('of %d ms is %s', (agoMs, expected) => {
    expect(age(1_700_000_000_000 - agoMs, 1_700_000_000_000)).toBe(expected);
  });
});

describe('name=value', () => {
  it('takes everything after the first "=" as the value', () => {
    expect(parseNameValues('--param', ['a=1', 'b=x=y', 'c='])).toEqual({ a: '1', b: 'x=y', c: '' });
  });

  it('is refused without a name or "="', () => {
    for (const wrong of ['target', '=1'])
      expect(() => parseNameValues('--param', [wrong])).toThrow(
        expect.objectContaining({ code: 'arguments' }),
      );
  });
});

describe('an error', () => {
  it('of the user is told with its hint and without a stack', () => {
    const error = new InputError('there is no such file', { hint: 'name another' });

    expect(formatError(error, false)).toBe('error: there is no such file\nhint: name another');
  });

  it('of our own says so, and how to report it', () => {
    expect(formatError(new TypeError('x is undefined'), false)).toMatch(
      /^internal error: x is undefined\n.*--debug/,
    );
  });

  it('is shown whole with --debug', () => {
    const cause = new Error('the socket closed');

    expect(formatError(new InputError('no answer', { cause }), true)).toMatch(
      /no answer[^]*the socket closed/,
    );
  });
});

describe('text of others that the command line prints', () => {
  const hostile = 'a\u001b[2Jb\u001b]0;root@prod\u0007c\u009b2Jd\u0007\rerror: none\r\n';
  const harmless = 'abcd␇␍error: none\r\n';

  async function written(write: (stream: PassThrough) => Promise<void>): Promise<string> {
    const stream = new PassThrough();
    await write(stream);
    return String(stream.read());
  }

  it('cannot steer the terminal by a line', async () => {
    expect(await written((stream) => writeLine(stream, hostile))).toBe(`${harmless}\n`);
  });

  it.each([false, true])('cannot steer the terminal by an error, with --debug: %s', (debug) => {
    const error = formatError(new InputError(hostile, { hint: hostile }), debug);

    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(error).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
    expect(error).toContain('abcd␇␍error: none');
  });

  it('stays the same data in JSON, and cannot steer the terminal either', async () => {
    const json = await written((stream) => writeJson(stream, { text: hostile }));

    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(json).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$/);
    expect(JSON.parse(json)).toEqual({ text: hostile });
  });
});

describe('a line', () => {
  it('that the reader does not wait for is no error', async () => {
    const stream = new PassThrough();
    const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    stream.destroy(gone);
    stream.write = ((_text: string, done: (error: Error) => void) => {
      done(gone);
      return false;
    }) as typeof stream.write;

    await expect(writeLine(stream, 'text')).resolves.toBeUndefined();
  });

  it('that cannot be written is one', async () => {
    const stream = new PassThrough();
    stream.write = ((_text: string, done: (error: Error) => void) => {
      done(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
      return false;
    }) as typeof stream.write;

    await expect(writeLine(stream, 'text')).rejects.toThrow('no space left');
  });
});

describe('the width of a text', () => {
  it('counts characters, not code units and not colours', () => {
    expect(textWidth('the run’s \u001b[1mid\u001b[0m 𝒳')).toBe('the run’s id x'.length);
  });
});

describe('the exit code of a run', () => {
  it.each<[RunOutcome, number]>([
    ['succeeded', 0],
    ['failed', 1],
    ['infrastructure', 3],
    ['aborted', 4],
    ['rolledBack', 5],
    ['internal', 70],
    ['interrupted', 130],
  ])('that ended as %s is %d', (outcome, expected) => {
    expect(exitCodeOfRun(outcome)).toBe(expected);
  });
});
