import { describe, expect, it } from '@jest/globals';
import { parseExecStatus } from '../../../../../src/adapters/kubernetes/streams/exec-status.ts';

describe('the status of an exec', () => {
  it.each<[string, unknown, unknown]>([
    ['success', { status: 'Success' }, { type: 'exited', exitCode: 0 }],
    [
      'a script that failed',
      {
        status: 'Failure',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '137' }] },
      },
      { type: 'exited', exitCode: 137 },
    ],
    [
      'a command that could not be started',
      { status: 'Failure', reason: 'InternalError', message: 'container not found ("main")' },
      { type: 'lost', reason: 'container not found ("main")' },
    ],
    ['no success without the word', {}, { type: 'lost', reason: 'the command failed to start' }],
  ])('is %s', (_, status, result) => {
    expect(parseExecStatus(JSON.stringify(status))).toEqual(result);
  });

  it.each(['', 'null', '[]', 'Success', '{"status":5}'])('is never success when it is %j', (text) => {
    expect(parseExecStatus(text).type).toBe('lost');
  });
});
