import { describe, expect, it } from '@jest/globals';
import {
  CancelledError,
  DeadlineError,
  InputError,
  InternalError,
  messageOf,
} from '../../../src/base/errors.ts';
import { fileError, RefusedPathError } from '../../../src/base/files/errors.ts';

const system = (code: string) => Object.assign(new Error(`${code}: something`), { code });

describe('an error', () => {
  it.each([
    ['input', 'input', () => new InputError('m')],
    ['internal', 'internal', () => new InternalError('m')],
    ['cancelled', 'aborted', () => new CancelledError()],
    ['cancelled', 'interrupted', () => new CancelledError('m', { fault: 'interrupted' })],
    ['deadline', 'failure', () => new DeadlineError('m', 1)],
  ])('is told by machines as %s, with the fault %s', (code, fault, make) => {
    const error = make();

    expect(error.toJSON()).toEqual({ code, fault, message: error.message });
    expect(error.toJSON()).not.toHaveProperty('hint');
    expect(error.name).toBe(error.constructor.name);
  });

  it('has a hint and a cause, if it was given them', () => {
    const cause = new Error('the reason');

    expect(new InputError('m', { hint: 'do this' }).toJSON()).toMatchObject({ hint: 'do this' });
    expect(new InputError('m', { cause }).cause).toBe(cause);
    expect(new InputError('m')).not.toHaveProperty('cause');
  });

  it('says what took longer than how many seconds', () => {
    expect(new DeadlineError('the pull', 90_400)).toMatchObject({
      message: 'the pull took longer than 90 s',
      afterMs: 90_400,
    });
    expect(new CancelledError().message).toBe('cancelled');
  });

  it('has a message, whatever is thrown', () => {
    expect(messageOf(new Error('m'))).toBe('m');
    expect(messageOf(7)).toBe('7');
  });
});

describe('an error of the system about a file', () => {
  it.each(['ENAMETOOLONG', 'EILSEQ', 'EINVAL', 'ELOOP'])('%s is that of a bad name', (code) => {
    const error = fileError('a\nb', system(code));

    expect(error).toBeInstanceOf(RefusedPathError);
    expect(error.message).toBe(`"a\\nb" is not a valid file name on this machine (${code})`);
    expect(error.cause).toMatchObject({ code });
  });

  it('shows the beginning of a long name', () => {
    const shown = (length: number) => fileError('x'.repeat(length), system('ENAMETOOLONG')).message;

    expect(shown(200)).toContain(`"${'x'.repeat(200)}"`);
    expect(shown(201)).toContain(`"${'x'.repeat(200)}…"`);
  });

  it('is of this machine otherwise', () => {
    expect(fileError('/a', system('ENOSPC')).toJSON()).toEqual({
      code: 'file',
      fault: 'infrastructure',
      message: '/a cannot be written: ENOSPC: something',
    });
    expect(fileError('/a', new Error('odd')).message).toBe('/a cannot be written: odd');
  });

  it('stays as it is when it is ours', () => {
    const own = new InputError('m');

    expect(fileError('/a', own)).toBe(own);
  });
});
