import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

interface LockedPackage {
  version: string;
  dev?: boolean;
  hasInstallScript?: boolean;
  resolved?: string;
  integrity?: string;
  link?: boolean;
}

async function lockedPackages(): Promise<[name: string, locked: LockedPackage][]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages).filter(([path]) => path !== '');
}

describe('what an installation of Slipway brings with it', () => {
  it('runs no program of a dependency', async () => {
    const production = (await lockedPackages()).filter(([, { dev }]) => dev !== true);

    expect(production.length).toBeGreaterThan(20);
    expect(production.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
  });

  it('is known by checksum, and in exactly one version', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const unknown = (await lockedPackages()).filter(([, { integrity, link }]) => !integrity && link !== true);
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });

    expect(unknown.map(([name]) => name)).toEqual([]);
    expect(ranges.filter(([, range]) => !/^(npm:.*@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))).toEqual([]);
  });
});
