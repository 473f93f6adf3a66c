import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  checkStepId,
  launchScript,
  quote,
} from '../../../../../src/adapters/kubernetes/agent/launch-script.ts';
import { cases } from '../../../../support/cases.ts';

const folder = mkdtempSync(`${tmpdir()}/slipway-launch-`);
afterAll(() => rmSync(folder, { recursive: true }));

const step = { id: 'build.1', container: 'main', script: 'true', shell: ['sh', '-e'] };

describe('the launch script', () => {
  it('quotes any text as one word that a shell reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('\0'));
        const { stdout } = spawnSync('/bin/sh', ['-c', `printf %s ${quote(text)}`]);

        expect(stdout.toString('utf8')).toBe(Buffer.from(text).toString('utf8'));
      }),
      { numRuns: cases(30) },
    );
  });

  it('sets values as data: nothing in them is run', () => {
    const env = { EVIL: '$(touch pwned)`id`"\'\n; exit 3' };
    const script = launchScript(step, { env, directory: folder }).toString('utf8');
    const upToLaunch = script.slice(0, script.indexOf('\ncd '));

    const { stdout } = spawnSync('/bin/sh', ['-c', `${upToLaunch}\nprintf %s "$EVIL"`], { cwd: folder });

    expect(stdout.toString('utf8')).toBe(env.EVIL);
  });

  it('says which working directory is not there', () => {
    const script = launchScript(step, { env: {}, directory: '/no such/folder' });

    const { status, stderr } = spawnSync('/bin/sh', { input: script });

    expect(status).toBe(125);
    expect(stderr.toString('utf8')).toContain('the working directory /no such/folder does not exist');
  });

  it('takes variables as large as Linux does, and refuses larger ones by their name and size', () => {
    const start = (value: string) => {
      const script = launchScript(step, { env: { BIG: value }, directory: folder }).toString('utf8');
      const upToLaunch = script.slice(0, script.indexOf('\ncd '));
      return spawnSync('/bin/sh', {
        input: `${upToLaunch}\nexec /bin/sh -c 'echo started \${#BIG}'`,
        encoding: 'utf8',
      });
    };

    expect(start('x'.repeat(131_067))).toMatchObject({ status: 0, stdout: 'started 131067\n' });
    expect(() => start('x'.repeat(131_068))).toThrow('BIG has 128 KiB; Linux starts no program with');
    expect(() => start('é'.repeat(100_000))).toThrow('BIG has 196 KiB');
  });

  it('refuses a variable that a shell cannot set', () => {
    expect(() => launchScript(step, { env: { 'A-B': '1' }, directory: '/' })).toThrow('"A-B"');
  });

  it.each(['', '../x', 'a/b', '-x', 'a b', 'x'.repeat(201)])('refuses %j as the id of a step', (id) => {
    expect(() => checkStepId(id)).toThrow('cannot be the id of a step');
  });
});
