import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { defaultSandboxFolder, startDetached, stop } from '../src/sandbox/lifecycle.ts';

/** A sandbox for one run of the tests, which `pipeline --cluster sandbox` finds by the environment. */
export interface TestSandbox {
  environment: NodeJS.ProcessEnv;
  /** Ends it with all its pods and removes its state. */
  stop(): Promise<void>;
}

/** Starts a sandbox in a folder of its own. */
export async function startTestSandbox(): Promise<TestSandbox> {
  const state = await mkdtemp(join(tmpdir(), 'slipway-e2e-sandbox-'));
  process.env['XDG_STATE_HOME'] = state;
  const folder = defaultSandboxFolder();
  const running = await startDetached({ folder, signal: AbortSignal.timeout(60_000) });
  return {
    environment: {
      XDG_STATE_HOME: state,
      SLIPWAY_TEST_KUBECONFIG: running.kubeconfig,
      SLIPWAY_TEST_REGISTRY: running.registry.address,
      SLIPWAY_TEST_REGISTRY_USER: running.registry.credentials.username,
      SLIPWAY_TEST_REGISTRY_PASSWORD: running.registry.credentials.password,
      // This machine's Maven, with what Debian packaged for it.
      SLIPWAY_TEST_MAVEN_ARGUMENTS: '--offline -Dmaven.repo.local=/usr/share/maven-repo',
    },
    stop: async () => {
      await stop({ folder, signal: AbortSignal.timeout(60_000) });
      await rm(state, { recursive: true, force: true });
    },
  };
}
