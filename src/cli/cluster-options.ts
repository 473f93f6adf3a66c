import type { Argv } from 'yargs';
import type { ClusterChoice } from '../app/connection.ts';

/** The options that say which cluster is meant. */
export function clusterOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('cluster', {
      type: 'string',
      describe:
        'sandbox, or a context of the kubeconfig; default: its current context, or the cluster this runs in',
    })
    .option('kubeconfig', { type: 'string', describe: 'default: $KUBECONFIG, else ~/.kube/config' })
    .option('namespace', { alias: 'n', type: 'string', describe: 'default: the namespace of the context' });
}

/** What they say. */
export function clusterChoice(args: Record<string, unknown>): ClusterChoice {
  const text = (name: string) => (typeof args[name] === 'string' ? { [name]: args[name] } : {});
  return { ...text('cluster'), ...text('kubeconfig'), ...text('namespace') };
}
