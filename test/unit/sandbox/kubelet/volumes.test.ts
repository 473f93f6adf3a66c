import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container } from '../../../../src/sandbox/kubelet/pod-types.ts';
import { mountsOf } from '../../../../src/sandbox/kubelet/volumes.ts';

let folder: string;
let volume: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-volumes-'));
  volume = join(folder, 'volume');
  mkdirSync(join(folder, 'outside'));
  mkdirSync(volume);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Where the mount of a subPath comes from. */
function sourceOf(subPath: string): string | undefined {
  const volumeMounts = [{ name: 'v', mountPath: '/v', subPath }];
  const container: Container = { name: 'main', image: 'app:1', volumeMounts };
  return mountsOf(container, new Map([['v', volume]]), {})[0]?.source;
}

describe('a subPath', () => {
  it('that is not there becomes a folder', () => {
    expect(sourceOf('a/b')).toBe(join(volume, 'a', 'b'));
    expect(existsSync(join(volume, 'a', 'b'))).toBe(true);
  });

  it('may go through a link within the volume', () => {
    mkdirSync(join(volume, 'real'));
    symlinkSync('real', join(volume, 'link'));

    expect(sourceOf('link')).toBe(join(volume, 'link'));
  });

  it.each(['link', 'link/new', 'link/new/newer'])(
    'that leaves the volume by a link is refused: %s',
    (subPath) => {
      symlinkSync('../outside', join(volume, 'link'));

      expect(() => sourceOf(subPath)).toThrow(`subpath "${subPath}" not within volume path`);
      expect(existsSync(join(folder, 'outside', 'new'))).toBe(false);
    },
  );
});
