import { defined } from '../base/defined.ts';
import type { Logger } from '../base/logger.ts';
import type { ResolveRegistryHost } from '../ports/registry.ts';
import { isEnded } from '../adapters/system/process-identity.ts';
import { createKubernetes, type Kubernetes } from '../adapters/kubernetes/create-kubernetes.ts';

/** Which cluster the user means. */
export interface ClusterChoice {
  /** `sandbox`, or a context of the kubeconfig; missing: its current context, or the cluster that this runs in. */
  cluster?: string;
  /** Path of a kubeconfig file. */
  kubeconfig?: string;
  namespace?: string;
}

/** A cluster that is ready to be used, and what is particular about it. */
export interface Connection extends Kubernetes {
  /** How people name it: the context's name, `in-cluster`, `sandbox`. */
  name: string;
  /** What `--cluster` named, for commands that others shall run; undefined: what is used without it. */
  chosen?: string;
  /** What runs use when nothing else says. */
  namespace: string;
  sandbox: boolean;
  /** Where registries really answer; the sandbox stands for all of them. */
  resolveRegistryHost: ResolveRegistryHost;
}

/** Options of {@link connectCluster}. */
export interface ConnectOptions {
  logger: Logger;
  /** Milliseconds that an API which does not answer is tried again. */
  retryBudgetMs?: number;
  signal: AbortSignal;
}

/**
 * Connects to the cluster that the user means; `sandbox` is started when it does not run.
 * @throws InputError when there is no such kubeconfig or context
 */
export async function connectCluster(choice: ClusterChoice, options: ConnectOptions): Promise<Connection> {
  const settings = {
    logger: options.logger,
    isEnded,
    ...defined({ retryBudgetMs: options.retryBudgetMs }),
  };
  if (choice.cluster === 'sandbox') {
    const { ensureSandbox } = await import('./sandbox.ts');
    const sandbox = await ensureSandbox(options);
    const kubernetes = await createKubernetes({ ...settings, kubeconfig: sandbox.kubeconfig });
    return {
      ...kubernetes,
      name: 'sandbox',
      chosen: 'sandbox',
      namespace: choice.namespace ?? 'default',
      sandbox: true,
      resolveRegistryHost: () => sandbox.registry,
    };
  }
  const kubernetes = await createKubernetes({
    ...settings,
    ...defined({ kubeconfig: choice.kubeconfig, context: choice.cluster }),
  });
  const { identity } = kubernetes.cluster;
  return {
    ...kubernetes,
    name: identity.name,
    ...defined({ chosen: choice.cluster }),
    namespace: choice.namespace ?? identity.namespace,
    sandbox: false,
    resolveRegistryHost: () => undefined,
  };
}
