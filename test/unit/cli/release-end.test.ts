import { describe, expect, it } from '@jest/globals';
import type { RolledBack } from '../../../src/app/release-commands.ts';
import { endOfCommand, type EndingCommand } from '../../../src/cli/release-end.ts';

const names = { application: 'web', place: 'web -n shop' };
const revision = 3;
const reason = 'the pods crash';

describe('how a command ends that brings a release to an end', () => {
  it.each<[EndingCommand, RolledBack, number]>([
    ['abort', { outcome: 'rolledBack', revision, reason }, 0],
    ['abort', { outcome: 'halted', revision, reason }, 1],
    ['abort', { outcome: 'failed', revision, reason }, 1],
    ['rollback', { outcome: 'rolledBack', revision, reason }, 0],
    ['rollback', { outcome: 'rolledBack', revision, reason, to: 1 }, 5],
    ['rollback', { outcome: 'halted', revision, reason, to: 1 }, 1],
    ['resume', { outcome: 'rolledBack', revision, reason }, 5],
    ['resume', { outcome: 'halted', revision, reason }, 1],
    ['resume', { outcome: 'failed', revision, reason }, 1],
    ['resume', { outcome: 'detached', revision, reason }, 6],
    ['rollback', { outcome: 'detached', revision, reason, to: 1 }, 6],
    ['retry', { outcome: 'rolledBack', revision, reason }, 5],
    ['retry', { outcome: 'failed', revision, reason }, 1],
  ])('says why: %s, %j: %i', (command, result, exitCode) => {
    expect(endOfCommand(command, result, names)).toEqual({ exitCode, message: reason });
  });

  it.each<[EndingCommand, RolledBack]>([
    ['rollback', { outcome: 'released', revision, to: 1 }],
    ['resume', { outcome: 'released', revision }],
  ])('says no more when it was released: %s, %j', (command, result) => {
    expect(endOfCommand(command, result, names)).toEqual({ exitCode: 0 });
  });

  it('has what it wants when a pause is lifted whose runner lives', () => {
    expect(endOfCommand('resume', 'lifted', names)).toEqual({
      exitCode: 0,
      message: 'the runner of web continues it',
    });
  });

  it('fails when another release has begun since', () => {
    expect(endOfCommand('resume', 'over', names)).toEqual({
      exitCode: 1,
      message: 'the release of web has ended meanwhile: see pipeline release status web -n shop',
    });
  });
});
