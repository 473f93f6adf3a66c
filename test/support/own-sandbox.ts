import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

import { defaultSandboxFolder, startDetached, stop } from '../../src/sandbox/lifecycle.ts';

/**
 * A sandbox that the tests of a file have for themselves.
 * @param name part of the name of its folder
 * @returns the environment in which `--cluster sandbox` is this one
 */
export function useOwnSandbox(name: string): { XDG_STATE_HOME: string } {
  const environment = { XDG_STATE_HOME: mkdtempSync(join(tmpdir(), `slipway-${name}-sandbox-`)) };
  const folder = defaultSandboxFolder(environment);
  beforeAll(async () => {
    await startDetached({ folder, signal: AbortSignal.timeout(60_000) });
  }, 90_000);
  afterAll(async () => {
    await stop({ folder, signal: AbortSignal.timeout(60_000) });
    rmSync(environment.XDG_STATE_HOME, { recursive: true, force: true });
  }, 90_000);
  return environment;
}
