import { defined } from '../base/defined.ts';
import type { AccessQuestion } from '../ports/cluster.ts';

/** A right that a run needs, and what for. */
export interface NeededRight extends AccessQuestion {
  purpose: string;
}

type Rights = readonly (readonly [group: string, resource: string, verbs: string, purpose: string])[];

/** All that deploy/rbac/agent-namespace.yaml gives. */
const agentRights: Rights = [
  ['', 'pods', 'create get list watch delete', 'the agent pod'],
  ['', 'pods/exec', 'create get', 'steps'],
  ['', 'pods/portforward', 'create get', 'a Docker sidecar'],
  ['', 'events', 'list', 'why a pod does not start'],
  ['', 'configmaps', 'create get list update delete', 'the run’s record'],
  ['', 'secrets', 'create get list patch delete', 'secrets of the pipeline'],
  ['coordination.k8s.io', 'leases', 'create get list update', 'who owns the run'],
];

/** What every release needs of deploy/rbac/application-namespace.yaml; the rest of it depends on the manifests. */
const releaseRights: Rights = [
  ['apps', 'deployments', 'create get list watch patch', 'releases'],
  ['apps', 'replicasets', 'get list watch', 'following a release'],
  ['', 'pods', 'get list watch', 'following a release'],
  ['', 'pods/log', 'get', 'the log tail of a crashed pod'],
  ['', 'services', 'create get patch', 'releases'],
  ['', 'configmaps', 'create get list update patch delete', 'the release’s record'],
  ['autoscaling', 'horizontalpodautoscalers', 'list', 'whether an autoscaler sets the replicas'],
  ['coordination.k8s.io', 'leases', 'create get update', 'one release at a time'],
];

/** What a run needs: in the agent's namespace, and in each namespace that it releases to. */
export function neededRights(agentNamespace: string, releaseNamespaces: readonly string[]): NeededRight[] {
  return [
    ...expand(agentRights, agentNamespace),
    ...releaseNamespaces.flatMap((namespace) => expand(releaseRights, namespace)),
  ];
}

function expand(rights: Rights, namespace: string): NeededRight[] {
  return rights.flatMap(([group, path, verbs, purpose]) => {
    const [resource = '', subresource] = path.split('/');
    return verbs.split(' ').map((verb) => ({
      verb,
      group,
      resource,
      ...defined({ subresource }),
      namespace,
      purpose,
    }));
  });
}

/** `create pods/exec in ci (steps)` */
export function describeRight({ verb, resource, subresource, namespace, purpose }: NeededRight): string {
  const path = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${path}${namespace === undefined ? '' : ` in ${namespace}`} (${purpose})`;
}
