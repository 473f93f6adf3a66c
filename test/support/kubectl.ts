import { runCommand, type CommandResult } from '../../scripts/run-command.ts';

/** kubectl as one user of one cluster: an independent look at what Slipway did. */
export interface Kubectl {
  /** Runs kubectl; a failure throws with its output. */
  run(args: readonly string[], input?: string): Promise<string>;
  /** Runs kubectl; a failure is a result. */
  try(args: readonly string[], input?: string): Promise<CommandResult>;
  /** Runs `kubectl … --output json` and parses it. */
  json<T>(args: readonly string[]): Promise<T>;
}

/** Makes a kubectl for a kubeconfig. */
export function kubectl(kubeconfig: string): Kubectl {
  const command = (args: readonly string[]): string[] => ['kubectl', '--kubeconfig', kubeconfig, ...args];
  return {
    run: async (args, input = '') => (await runCommand(command(args), { input })).stdout,
    try: (args, input = '') => runCommand(command(args), { input, allowFailure: true }),
    json: async <T>(args: readonly string[]) =>
      JSON.parse((await runCommand(command([...args, '--output', 'json']))).stdout) as T,
  };
}
