import { homedir } from 'node:os';
import { join } from 'node:path';

/** What every benchmark gets. */
export interface Bench {
  /** Folder of the repository. */
  root: string;
  /** The built CLI, `dist/main.js`: what users start. */
  cli: string;
  /** A namespace of the current cluster for this run of the benchmarks alone; deleted afterwards. */
  namespace: string;
  /** An image with a shell that the nodes have already. */
  image: string;
}

/** The kubeconfig file that kubectl uses too. */
export function kubeconfigOf(environment: NodeJS.ProcessEnv): string {
  const given = environment['KUBECONFIG'] ?? '';
  return given === '' ? join(homedir(), '.kube', 'config') : given;
}
