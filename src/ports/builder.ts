import type { Agent } from './agent.ts';
import type { CallOptions } from './cluster.ts';
import type { RegistryCredentials } from './registry.ts';
import { SlipwayError } from '../base/errors.ts';

/** The image could not be built because of what the Dockerfile or the context say: the user's own work. */
export class BuildError extends SlipwayError {
  readonly code = 'build';
  readonly fault = 'failure';
}

/** No builder answers, or it went away. */
export class BuilderUnavailableError extends SlipwayError {
  readonly code = 'builder-unavailable';
  readonly fault = 'infrastructure';
}

/** What an image is made from. Paths are relative to the working folder in the agent's workspace. */
export interface BuildRequest {
  agent: Agent;
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

/** What a build says while it goes on: a line of progress each. */
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
