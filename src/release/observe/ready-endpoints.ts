import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';

interface Target {
  kind?: string;
  name?: string;
}

interface Slice extends KubernetesObject {
  endpoints?: { conditions?: { ready?: boolean }; targetRef?: Target }[];
}

interface Endpoints extends KubernetesObject {
  subsets?: { addresses?: { targetRef?: Target }[] }[];
}

const sliceKinds = [
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
  { apiVersion: 'discovery.k8s.io/v1beta1', kind: 'EndpointSlice' },
];

/** The names of the pods that a Service's endpoints name as ready, each once; the empty name for what is no pod. */
export async function readyEndpoints(
  { name, namespace = '' }: ObjectReference,
  cluster: Cluster,
  options: CallOptions,
): Promise<string[]> {
  const kind = await cluster.firstServed(sliceKinds, options);
  const targets = kind === undefined ? await addresses() : await slices(kind);
  return [...new Set(targets.map((target) => (target?.kind === 'Pod' ? (target.name ?? '') : '')))];

  async function slices(served: { apiVersion: string; kind: string }) {
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const found = await cluster.list<Slice>(served, { namespace, labelSelector }, options);
    const all = found.flatMap(({ endpoints }) => endpoints ?? []);
    return all.filter(({ conditions }) => conditions?.ready !== false).map(({ targetRef }) => targetRef);
  }

  /** Clusters before EndpointSlices. */
  async function addresses() {
    const found = await cluster.get<Endpoints>(
      { apiVersion: 'v1', kind: 'Endpoints', name, namespace },
      options,
    );
    return (found?.subsets ?? [])
      .flatMap((subset) => subset.addresses ?? [])
      .map(({ targetRef }) => targetRef);
  }
}
