import type { Readable } from 'node:stream';
import type { Agent } from './agent.ts';
import type { CallOptions } from './cluster.ts';
import type { RegistryCredentials } from './registry.ts';
import { SlipwayError } from '../base/errors.ts';
import { failures } from '../base/failures.ts';

/** The image could not be built because of what the Dockerfile or the context say: the user's own work. */
export class BuildError extends SlipwayError {
  readonly code = 'build';
  readonly fault = 'failure';
}

/** No builder answers, or it went away. */
export class BuilderUnavailableError extends SlipwayError {
  readonly code = 'builder-unavailable';
  readonly fault = failures.unreachable;
}

/** What an image is made from. Paths are relative to the working folder in the agent's workspace. */
export interface BuildRequest {
  agent: Agent;
  /** Container that the context is read through; needs `sh`, `cat` and `tar`. Default: the agent's first. */
  container?: string;
  /** The context folder, absolute in the agent. */
  contextDirectory: string;
  /** Relative to the context. */
  dockerfile: string;
  repository: string;
  tags: readonly [string, ...string[]];
  target?: string;
  buildArguments: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  cacheFrom: readonly string[];
  platform?: string;
  credentials?: RegistryCredentials;
}

/** Progress of a build, line by line. */
export type BuildProgress = (message: string) => Promise<void> | void;

/** An image in a registry. */
export interface BuiltImage {
  repository: string;
  tags: readonly string[];
  /** `sha256:…`, as the registry returned it. */
  digest: string;
  bytes?: number;
}

/** Makes an image from the agent's workspace and pushes it. Cancellable; leaves nothing behind in the engine that is not cache. */
export interface Builder {
  readonly name: 'docker' | 'layers';
  /** undefined when it can build; else why not, one line. */
  unavailable(options: CallOptions): Promise<string | undefined>;
  /** @throws BuildError, BuilderUnavailableError, RegistryError */
  buildAndPush(
    request: BuildRequest,
    options: CallOptions & { onProgress: BuildProgress },
  ): Promise<BuiltImage>;
}

/** Certificate authority, certificate and key (PEM) for an engine that asks for TLS. */
export interface EngineCertificates {
  ca?: Buffer;
  certificate?: Buffer;
  key?: Buffer;
}

/**
 * Where a Docker Engine answers: as DOCKER_HOST of the runner says (or the usual socket), at an address
 * (`unix:///path`, `tcp://host:2376`), or in a service container of the agent pod.
 */
export type EngineAddress =
  | { type: 'environment' }
  | { type: 'host'; host: string; certificates?: EngineCertificates }
  | { type: 'sidecar'; agent: Agent; service: string; port: number };

/** Makes the builders that a stage may choose from. */
export interface Builders {
  docker(address: EngineAddress): Builder;
  layers(): Builder;
}

/** The files that an image is made from, as they leave the agent. */
export interface BuildContext {
  /**
   * Gives the files as a tar stream to `receive`; a transfer that broke begins again, as in Agent.download. Names are
   * relative to the context, without what .dockerignore excludes.
   */
  read<T>(receive: (tar: Readable) => Promise<T>): Promise<T>;
  /** Name of the Dockerfile in the stream. */
  dockerfile: string;
  /** Its text. */
  dockerfileText: string;
  /** Names in the stream that are for the builder alone, since .dockerignore excludes them: they are not copied into the image. */
  hidden: readonly string[];
}

/** Looks at the context of a request in the agent; nothing of it is kept whole in memory or on disk. @throws BuildError, AgentError */
export type OpenBuildContext = (request: BuildRequest, options: CallOptions) => Promise<BuildContext>;
