import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createWinstonLogger } from '../../../../src/adapters/log/winston-logger.ts';
import { Masker } from '../../../../src/base/mask.ts';

const hostile = 'an answer\u001b[2J of correct-horse\u009b2J\u0007';
const written: string[] = [];

function logger(format: 'text' | 'json') {
  const masker = new Masker();
  masker.add(Buffer.from('correct-horse'));
  // Winston writes to the console's own stream.
  const stream = (console as unknown as { _stderr: NodeJS.WritableStream })._stderr;
  jest.spyOn(stream, 'write').mockImplementation((text: unknown) => {
    written.push(String(text));
    return true;
  });
  return createWinstonLogger({ level: 'warn', format, masker });
}

afterEach(() => {
  jest.restoreAllMocks();
  written.length = 0;
});

describe('the log on stderr', () => {
  it('holds neither secrets nor control sequences of others as text', () => {
    logger('text').warn(hostile, { reason: hostile });

    expect(written.join('')).toMatch(
      /^\S+ warn an answer of \*\*\*␇ reason="an answer\\u001b\[2J of \*\*\*\\u0007"\n$/,
    );
  });

  it('holds neither secrets nor control characters as JSON, and the data stays the same', () => {
    logger('json').warn(hostile, { reason: hostile });

    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(written.join('')).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$/);
    expect(JSON.parse(written.join(''))).toMatchObject({
      message: hostile.replace('correct-horse', '***'),
      reason: hostile.replace('correct-horse', '***'),
    });
  });
});
