import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { idleScript } from '../../../../../src/adapters/kubernetes/agent/container-scripts.ts';
import { scratchDirectory } from '../../../../../src/adapters/kubernetes/agent/step-script.ts';
import { waitFor } from '../../../../support/wait-for.ts';

it('a container that TERM ends does not look as if it had done its work', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-idle-'));
  const script = idleScript.replaceAll(scratchDirectory, folder);
  const child = spawn('/bin/sh', ['-c', script, 'slipway', 'main'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    await waitFor('the wrapper', async () => existsSync(join(folder, 'main', 'ready')) || undefined);
    child.kill('SIGTERM');

    expect(await ended).toEqual([143, null]);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
