import { defined } from '../base/defined.ts';
import { defaultSandboxFolder, startDetached, type SandboxStatus } from '../sandbox/lifecycle.ts';
import type { RegistryEndpoint } from '../ports/registry.ts';

/** A sandbox that runs, as a run needs it. */
export interface SandboxAccess {
  kubeconfig: string;
  /** Stands for every registry. */
  registry: RegistryEndpoint;
}

/** How a sandbox is started; nothing of it matters when one runs already. */
export interface SandboxSettings {
  /** State folder; missing: the user's own. */
  folder?: string;
  /** An image that the sandbox does not have is an error, instead of this machine's tools. */
  strictImages?: boolean;
  signal: AbortSignal;
}

/** The sandbox of the user, started when it does not run. @throws SandboxStartError */
export async function ensureSandbox(settings: SandboxSettings): Promise<SandboxAccess> {
  const { folder = defaultSandboxFolder(), strictImages, signal } = settings;
  const running = await startDetached({
    folder,
    signal,
    ...defined({ strictImages }),
  });
  return accessTo(running);
}

/** How a running sandbox is reached. */
export function accessTo(running: SandboxStatus & { state: 'running' }): SandboxAccess {
  const { address, credentials } = running.registry;
  return { kubeconfig: running.kubeconfig, registry: { url: `http://${address}`, credentials } };
}

export {
  defaultSandboxFolder,
  kubeconfigPath,
  reset,
  startDetached,
  status,
  stop,
} from '../sandbox/lifecycle.ts';
