import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

import { runCommand } from '../../../../../scripts/run-command.ts';
import { downloadCommand } from '../../../../../src/adapters/kubernetes/agent/download.ts';

describe('downloadCommand', () => {
  it('leaves out the excluded path, and not a folder of the same name deeper down', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-download-'));
    try {
      for (const folder of ['src', 'dist/src']) {
        await mkdir(join(directory, folder), { recursive: true });
        await writeFile(join(directory, folder, 'main.js'), '');
      }

      const tar = downloadCommand(directory, ['.'], ['src']).map((word) => `'${word}'`);
      const { stdout } = await runCommand(['sh', '-c', `${tar.join(' ')} | tar -t`]);

      expect(stdout.trim().split('\n').sort()).toEqual([
        './',
        './dist/',
        './dist/src/',
        './dist/src/main.js',
      ]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
