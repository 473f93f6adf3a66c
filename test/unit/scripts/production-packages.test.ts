import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../../..');

interface Lock {
  packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }>;
}

describe('what is installed in production', () => {
  it('runs no script of a dependency when it is installed', async () => {
    const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as Lock;

    const running = Object.entries(lock.packages).filter(
      ([name, { dev, hasInstallScript }]) => name !== '' && dev !== true && hasInstallScript === true,
    );

    expect(running.map(([name]) => name)).toEqual([]);
  });

  it("has dockerode's BuildKit session in the bundle, which needs no other package", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-session-'));
    try {
      const script = path.join(root, 'test/support/buildkit-session.ts');

      const { stdout } = await promisify(execFile)(process.execPath, [script, folder], {
        cwd: root,
        env: { ...process.env, NODE_OPTIONS: '' },
        timeout: 25_000,
      });

      expect(JSON.parse(stdout)).toEqual({ Username: 'robot', Secret: 'correct-horse' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
