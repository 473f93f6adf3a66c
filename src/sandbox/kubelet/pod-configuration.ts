import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Service } from '../network/service-types.ts';
import type { Objects, StoredObject } from '../store/objects.ts';
import { resolveEnvironment } from './environment.ts';
import type { Container, Pod, Volume } from './pod-types.ts';
import type { Mount } from './runtime.ts';
import { NODE_NAME } from './scheduler.ts';
import { materializeVolume, mountsOf } from './volumes.ts';
import type { FileValues } from './volumes.ts';

interface ConfigMap extends StoredObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

/** Options of {@link createConfiguration}. */
export interface ConfigurationOptions {
  objects: Objects;
  stateFolder: string;
  /** Environment that every process gets, so that it can be found again. */
  mark: Record<string, string>;
  /** A service account's token, which the sandbox's API takes. */
  token: string;
}

/** What pods are configured with, read from the store: volumes, environment, claims. */
export interface Configuration {
  makeVolumes(pod: Pod, folder: string, podIP: string): Map<string, string>;
  configure(
    pod: Pod,
    container: Container,
    made: { volumes: ReadonlyMap<string, string>; podIP: string },
  ): { environment: Record<string, string>; mounts: Mount[] };
  /** The scheduler's message when a claim of the pod is not there. */
  missingClaim(pod: Pod): string | undefined;
  removeClaim(claim: StoredObject): void;
}

/** The {@link Configuration} on a store. */
export function createConfiguration({
  objects,
  stateFolder,
  mark,
  token,
}: ConfigurationOptions): Configuration {
  const claimFolder = (namespace: string, name: string): string =>
    join(stateFolder, 'volumes', namespace, name);

  function bytes(
    namespace: string,
    kind: 'ConfigMap' | 'Secret',
    name: string,
  ): Map<string, Buffer> | undefined {
    const object = objects.get<ConfigMap>({ kind, namespace, name });
    if (object === undefined) return undefined;
    const encoding = kind === 'Secret' ? 'base64' : 'utf8';
    const data = Object.entries(object.data ?? {}).map(
      ([key, value]) => [key, Buffer.from(value, encoding)] as const,
    );
    const binary = Object.entries(object.binaryData ?? {}).map(
      ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
    );
    return new Map([...data, ...binary]);
  }

  function texts(
    namespace: string,
    kind: 'ConfigMap' | 'Secret',
    name: string,
  ): Record<string, string> | undefined {
    const found = bytes(namespace, kind, name);
    return found && Object.fromEntries([...found].map(([key, value]) => [key, value.toString()]));
  }

  const facts = (podIP: string) => ({ podIP, hostIP: '127.0.0.1', nodeName: NODE_NAME });

  function makeVolumes(pod: Pod, folder: string, podIP: string): Map<string, string> {
    const namespace = pod.metadata.namespace ?? 'default';
    const values: FileValues = {
      configMap: (name) => bytes(namespace, 'ConfigMap', name),
      secret: (name) => bytes(namespace, 'Secret', name),
      claim: (name) => {
        if (objects.get({ kind: 'PersistentVolumeClaim', namespace, name }) === undefined) return undefined;
        mkdirSync(claimFolder(namespace, name), { recursive: true });
        return claimFolder(namespace, name);
      },
      token,
    };
    const make = (volume: Volume): [string, string] => [
      volume.name,
      materializeVolume(pod, volume, { folder, values, facts: facts(podIP) }),
    ];
    return new Map((pod.spec.volumes ?? []).map(make));
  }

  function configure(
    pod: Pod,
    container: Container,
    { volumes, podIP }: { volumes: ReadonlyMap<string, string>; podIP: string },
  ): ReturnType<Configuration['configure']> {
    const namespace = pod.metadata.namespace ?? 'default';
    const inherited = pod.spec.enableServiceLinks === false ? {} : serviceLinks(namespace);
    const source = {
      configMap: (name: string) => texts(namespace, 'ConfigMap', name),
      secret: (name: string) => texts(namespace, 'Secret', name),
    };
    const own = resolveEnvironment(pod, container, { source, facts: facts(podIP), inherited });
    const environment = { HOSTNAME: pod.spec.hostname ?? pod.metadata.name, ...own, ...mark };
    return { environment, mounts: mountsOf(container, volumes, environment) };
  }

  /** kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables */
  function serviceLinks(namespace: string): Record<string, string> {
    const links: Record<string, string> = {};
    for (const { metadata, spec } of objects.list<Service>('Service', { namespace })) {
      const { clusterIP, ports = [] } = spec;
      const [first] = ports;
      if (clusterIP === undefined || clusterIP === 'None' || first === undefined) continue;
      const prefix = metadata.name.toUpperCase().replaceAll('-', '_');
      links[`${prefix}_SERVICE_HOST`] = clusterIP;
      links[`${prefix}_SERVICE_PORT`] = String(first.port);
      links[`${prefix}_PORT`] = `tcp://${clusterIP}:${first.port}`;
      for (const { name, port, protocol = 'TCP' } of ports) {
        if (name !== undefined)
          links[`${prefix}_SERVICE_PORT_${name.toUpperCase().replaceAll('-', '_')}`] = String(port);
        links[`${prefix}_PORT_${port}_${protocol}`] = `${protocol.toLowerCase()}://${clusterIP}:${port}`;
        links[`${prefix}_PORT_${port}_${protocol}_ADDR`] = clusterIP;
        links[`${prefix}_PORT_${port}_${protocol}_PORT`] = String(port);
        links[`${prefix}_PORT_${port}_${protocol}_PROTO`] = protocol.toLowerCase();
      }
    }
    return links;
  }

  function missingClaim(pod: Pod): string | undefined {
    const namespace = pod.metadata.namespace ?? 'default';
    for (const { persistentVolumeClaim: claim } of pod.spec.volumes ?? []) {
      if (claim === undefined) continue;
      if (objects.get({ kind: 'PersistentVolumeClaim', namespace, name: claim.claimName }) === undefined)
        return `0/1 nodes are available: 1 persistentvolumeclaim "${claim.claimName}" not found.`;
    }
    return undefined;
  }

  function removeClaim({ metadata }: StoredObject): void {
    rmSync(claimFolder(metadata.namespace ?? 'default', metadata.name), { recursive: true, force: true });
  }

  return { makeVolumes, configure, missingClaim, removeClaim };
}
