import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Objects, StoredObject } from '../store/objects.ts';
import { bytesOf, stringsOf } from './config-values.ts';
import { resolveEnvironment } from './environment.ts';
import type { Container, Pod, Volume } from './pod-types.ts';
import type { Mount } from './runtime.ts';
import { nodeName } from './scheduler.ts';
import { serviceLinks } from './service-links.ts';
import { materializeVolume, mountsOf } from './volumes.ts';
import type { FileValues } from './volumes.ts';

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
export function createConfiguration(options: ConfigurationOptions): Configuration {
  return new StoreConfiguration(options);
}

const factsOf = (podIP: string) => ({ podIP, hostIP: '127.0.0.1', nodeName });
const namespaceOf = ({ metadata }: StoredObject): string => metadata.namespace ?? 'default';

class StoreConfiguration implements Configuration {
  readonly #options: ConfigurationOptions;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  makeVolumes(pod: Pod, folder: string, podIP: string): Map<string, string> {
    const { objects, token } = this.#options;
    const namespace = namespaceOf(pod);
    const values: FileValues = {
      configMap: (name) => bytesOf(objects, { kind: 'ConfigMap', namespace, name }),
      secret: (name) => bytesOf(objects, { kind: 'Secret', namespace, name }),
      claim: (name) => {
        if (!this.#hasClaim(namespace, name)) return undefined;
        const claimFolder = this.#claimFolder(namespace, name);
        mkdirSync(claimFolder, { recursive: true });
        return claimFolder;
      },
      token,
    };
    const make = (volume: Volume): [string, string] => [
      volume.name,
      materializeVolume(pod, volume, { folder, values, facts: factsOf(podIP) }),
    ];
    return new Map((pod.spec.volumes ?? []).map(make));
  }

  configure(
    pod: Pod,
    container: Container,
    { volumes, podIP }: { volumes: ReadonlyMap<string, string>; podIP: string },
  ): ReturnType<Configuration['configure']> {
    const { objects, mark } = this.#options;
    const namespace = namespaceOf(pod);
    const inherited = pod.spec.enableServiceLinks === false ? {} : serviceLinks(objects, namespace);
    const source = {
      configMap: (name: string) => stringsOf(objects, { kind: 'ConfigMap', namespace, name }),
      secret: (name: string) => stringsOf(objects, { kind: 'Secret', namespace, name }),
    };
    const own = resolveEnvironment(pod, container, { source, facts: factsOf(podIP), inherited });
    const environment = { HOSTNAME: pod.spec.hostname ?? pod.metadata.name, ...own, ...mark };
    return { environment, mounts: mountsOf(container, volumes, environment) };
  }

  missingClaim(pod: Pod): string | undefined {
    for (const { persistentVolumeClaim: claim } of pod.spec.volumes ?? []) {
      if (claim !== undefined && !this.#hasClaim(namespaceOf(pod), claim.claimName))
        return `0/1 nodes are available: 1 persistentvolumeclaim "${claim.claimName}" not found.`;
    }
    return undefined;
  }

  removeClaim(claim: StoredObject): void {
    rmSync(this.#claimFolder(namespaceOf(claim), claim.metadata.name), { recursive: true, force: true });
  }

  #hasClaim(namespace: string, name: string): boolean {
    return this.#options.objects.get({ kind: 'PersistentVolumeClaim', namespace, name }) !== undefined;
  }

  #claimFolder(namespace: string, name: string): string {
    return join(this.#options.stateFolder, 'volumes', namespace, name);
  }
}
