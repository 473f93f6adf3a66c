import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { downloadCommand, downloadRequest } from '../../../../../src/adapters/kubernetes/agent/download.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/slipway-download-`);
  mkdirSync(`${folder}/data/node_modules`, { recursive: true });
  mkdirSync(`${folder}/data/lib/node_modules`, { recursive: true });
  mkdirSync(`${folder}/bin`);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The names in the archive that the command writes, with `path` before the PATH. */
function names(excludes: readonly string[], path = ''): string[] {
  const [program = '', ...args] = downloadCommand(`${folder}/data`, ['.'], excludes);
  const env = { PATH: `${path}:${process.env['PATH'] ?? ''}` };
  const { stdout, stderr } = spawnSync(program, args, { env });
  expect(stderr.toString('utf8')).toBe('');
  const listed = spawnSync('tar', ['-tf', '-'], { input: stdout }).stdout.toString('utf8');
  return listed.trim().split('\n').sort();
}

describe('the command of a download', () => {
  it('leaves out what is excluded at the top, and not what has the same name deeper down', () => {
    expect(names(['node_modules'])).toEqual(['./', './lib/', './lib/node_modules/']);
  });

  it('sends everything where tar cannot exclude', () => {
    const plainTar = 'case "$*" in *--exclude*) exit 1 ;; esac; exec /bin/tar "$@"';
    writeFileSync(`${folder}/bin/tar`, `#!/bin/sh\n${plainTar}\n`);
    chmodSync(`${folder}/bin/tar`, 0o755);

    expect(names(['node_modules'], `${folder}/bin`)).toEqual([
      './',
      './lib/',
      './lib/node_modules/',
      './node_modules/',
    ]);
  });

  it('gives many paths as input, whatever they hold, and ends with an error of tar', () => {
    const many = Array.from({ length: 2000 }, (_, index) => `-C "${String(index)}" 'a\\n' $(id)`);
    for (const name of many) writeFileSync(`${folder}/data/${name}`, name);
    const start = (paths: readonly string[]) => {
      const { command, input } = downloadRequest(`${folder}/data`, paths, []);
      return spawnSync(command[0] ?? '', command.slice(1), { input, maxBuffer: 64 * 1024 * 1024 });
    };

    const { stdout, status } = start(many);

    const listed = spawnSync('tar', ['-t', '--ignore-zeros', '--quoting-style=literal'], { input: stdout });
    expect(status).toBe(0);
    expect(listed.stdout.toString('utf8').trim().split('\n').sort()).toEqual([...many].sort());
    const broken = start([...many, 'not-there']);
    expect(broken.status).not.toBe(0);
    expect(broken.stderr.toString('utf8')).toContain('not-there');
    expect(downloadRequest('/data', ['a'], [])).toEqual({ command: downloadCommand('/data', ['a'], []) });
  });
});
