import { arch, hostname, release } from 'node:os';
import type { Objects, StoredObject } from '../store/objects.ts';
import { nodeName, nodeCapacity } from './scheduler.ts';

type NodeObject = StoredObject<Record<string, unknown>, Record<string, unknown>>;

/** Labels that every node has; `nodeSelector` is held against them. */
export function nodeLabels(): Record<string, string> {
  const architecture = arch() === 'x64' ? 'amd64' : arch();
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': process.platform,
    'kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': process.platform,
    'beta.kubernetes.io/arch': architecture,
  };
}

/** Writes the one node's object, with this machine's size, as ready. */
export function registerNode(objects: Objects, now: string): void {
  const key = { kind: 'Node', name: nodeName };
  if (objects.get(key) === undefined) {
    objects.create<NodeObject>({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: nodeName, labels: nodeLabels() },
      spec: {},
    });
  }
  const { cpu, memory, pods } = nodeCapacity();
  const capacity = { cpu: String(cpu), memory: `${Math.floor((memory ?? 0) / 1024)}Ki`, pods: String(pods) };
  objects.modify<NodeObject>(
    key,
    (node) => {
      const before = node.status?.['conditions'] as
        { type: string; lastTransitionTime: string }[] | undefined;
      const since = before?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? now;
      node.status = {
        capacity,
        allocatable: capacity,
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'KubeletReady',
            message: 'the sandbox runs pods as processes of this machine',
            lastHeartbeatTime: now,
            lastTransitionTime: since,
          },
        ],
        addresses: [
          { type: 'InternalIP', address: '127.0.0.1' },
          { type: 'Hostname', address: nodeName },
        ],
        nodeInfo: {
          architecture: arch() === 'x64' ? 'amd64' : arch(),
          operatingSystem: process.platform,
          kernelVersion: release(),
          osImage: `processes of ${hostname()}`,
          containerRuntimeVersion: 'sandbox://1',
          kubeletVersion: 'sandbox',
          kubeProxyVersion: 'sandbox',
          bootID: '',
          machineID: '',
          systemUUID: '',
        },
      };
    },
    'status',
  );
}
