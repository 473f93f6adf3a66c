import { defined } from '../../src/base/defined.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { PodStreams } from '../../src/sandbox/api/pod-streams.ts';
import { startControllers } from '../../src/sandbox/controllers/index.ts';
import { sandboxMark, startKubelet } from '../../src/sandbox/kubelet/kubelet.ts';
import { killMarked } from '../../src/sandbox/kubelet/leftovers.ts';
import { probeMachine } from '../../src/sandbox/kubelet/machine.ts';
import type { Machine } from '../../src/sandbox/kubelet/machine.ts';
import type { Pod, PodSpec } from '../../src/sandbox/kubelet/pod-types.ts';
import { createPodNetwork } from '../../src/sandbox/network/pod-network.ts';
import type { PodNetwork } from '../../src/sandbox/network/pod-network.ts';
import { startServices } from '../../src/sandbox/network/services.ts';
import { startRegistry } from '../../src/sandbox/registry/registry.ts';
import type { Registry } from '../../src/sandbox/registry/registry.ts';
import { createObjects } from '../../src/sandbox/store/create-objects.ts';
import type { Objects, StoredObject } from '../../src/sandbox/store/objects.ts';

/** The sandbox without its API: store, controllers, kubelet, network and registry in this process. */
export interface SandboxNode {
  folder: string;
  machine: Machine;
  objects: Objects;
  streams: PodStreams;
  network: PodNetwork;
  registry: Registry;
  /** Creates a pod in the namespace `default`. */
  createPod(name: string, spec: Partial<PodSpec>, metadata?: Record<string, unknown>): Pod;
  pod(name: string): Pod | undefined;
  /** Waits until the pod is as `check` wants it; rejects with what was seen last. */
  until(name: string, check: (pod: Pod) => boolean, withinMs?: number): Promise<Pod>;
  untilGone(name: string): Promise<void>;
  /** Runs a shell script in a container. */
  run(pod: string, script: string, container?: string): Promise<{ exitCode: number; output: string }>;
  log(pod: string, more?: { container?: string; previous?: boolean }): Promise<string>;
  events(reason: string): string[];
  /** Stops it; with `keep` the folder stays for another one. */
  close(keep?: 'keep'): Promise<void>;
}

/** Starts a {@link SandboxNode}, with namespaces where the machine has them (`auto`) or without (`none`). */
export async function startSandboxNode(
  isolation: 'auto' | 'none',
  { folder = mkdtempSync(join(tmpdir(), 'slipway-node-')), strictImages = false } = {},
): Promise<SandboxNode> {
  const machine = await probeMachine(folder, isolation);
  const objects = createObjects(join(folder, 'objects.db'));
  const registry = await startRegistry({ folder: join(folder, 'registry') });
  const network = createPodNetwork({
    objects,
    machine,
    folder: join(folder, 'network'),
    environment: { [sandboxMark]: folder },
  });
  const { images, address } = registry;
  const kubelet = startKubelet({
    objects,
    stateFolder: folder,
    machine,
    network,
    images,
    strictImages,
    registryAddress: () => address,
  });
  const services = startServices({ objects, network });
  const controllers = startControllers(objects);
  const { streams } = kubelet;
  const signal = AbortSignal.timeout(120_000);
  const pod = (name: string) => objects.get<Pod>({ kind: 'Pod', namespace: 'default', name });

  async function poll<T>(what: string, look: () => T | undefined, withinMs = 15_000): Promise<T> {
    const end = Date.now() + withinMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`${what} did not come to be as expected`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  return {
    folder,
    machine,
    objects,
    streams,
    network,
    registry,
    pod,
    createPod: (name, spec, metadata = {}) =>
      objects.create<Pod>({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', ...metadata },
        spec: { containers: [], terminationGracePeriodSeconds: 2, ...spec },
      }),
    until: async (name, check, withinMs) => {
      let last: Pod | undefined;
      const look = (): Pod | undefined => {
        last = pod(name);
        return last !== undefined && check(last) ? last : undefined;
      };
      return poll(`pod ${name}`, look, withinMs).catch((error: unknown) => {
        throw new Error(`${String(error)}; last seen: ${JSON.stringify(last?.status)}`);
      });
    },
    untilGone: async (name) => {
      await poll(`the end of pod ${name}`, () => (pod(name) === undefined ? true : undefined));
    },
    run: async (name, script, container) => {
      const child = await streams.exec({
        namespace: 'default',
        pod: name,
        ...defined({ container }),
        command: ['sh', '-c', script],
        stdin: false,
        stdout: true,
        stderr: true,
        tty: false,
        signal,
      });
      const [stdout, stderr, result] = await Promise.all([
        text(child.stdout!),
        text(child.stderr!),
        child.result,
      ]);
      return { exitCode: result.kind === 'exited' ? result.exitCode : -1, output: stdout + stderr };
    },
    log: async (name, more = {}) =>
      text(await streams.logs({ namespace: 'default', pod: name, signal, ...more })),
    events: (reason) =>
      objects
        .list<StoredObject & { reason: string; message: string }>('Event')
        .filter((event) => event.reason === reason)
        .map(({ message }) => message),
    close: async (keep) => {
      controllers.close();
      services.close();
      await kubelet.close();
      await network.close();
      await registry.close();
      objects.close();
      killMarked(sandboxMark, folder);
      if (keep === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
