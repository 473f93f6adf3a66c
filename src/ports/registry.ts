import { SlipwayError, type Fault, type SlipwayErrorOptions } from '../base/errors.ts';
import { failures, type Failure } from '../base/failures.ts';
import type { CallOptions } from './cluster.ts';

/** User and password (or robot account and token) of a registry. */
export interface RegistryCredentials {
  username: string;
  password: string;
}

/** What went wrong with a registry; `refused` is any other 4xx, `invalid` an answer that cannot be used. */
export type RegistryProblem =
  'unauthorized' | 'denied' | 'notFound' | 'unreachable' | 'immutable' | 'refused' | 'invalid';

const failureOf: Record<RegistryProblem, Failure> = {
  unauthorized: 'wrongCredentials',
  denied: 'missingRight',
  notFound: 'unknownName',
  immutable: 'refused',
  refused: 'refused',
  unreachable: 'unreachable',
  invalid: 'unreachable',
};

/** A registry refused or could not be reached; only `unreachable` is tried again by those who ask. */
export class RegistryError extends SlipwayError {
  readonly code = 'registry';
  readonly fault: Fault;
  readonly problem: RegistryProblem;

  constructor(problem: RegistryProblem, message: string, options: SlipwayErrorOptions = {}) {
    super(message, options);
    this.problem = problem;
    this.fault = failures[failureOf[problem]];
  }
}

/** Where a registry host really answers: a mirror, as containerd has them. */
export interface RegistryEndpoint {
  /** `https://host[:port]` or, for an insecure one, `http://host[:port]`; no path. */
  url: string;
  /** Accept a certificate that does not verify. */
  skipTlsVerify?: boolean;
  /** Certificate authority (PEM) to trust besides the system's. */
  ca?: string;
  /** Its own login; a call's credentials are for the host that this endpoint stands for, and are not sent here. */
  credentials?: RegistryCredentials;
}

/** undefined: the host answers itself. `host` is as in an image reference, with its port. */
export type ResolveRegistryHost = (host: string) => RegistryEndpoint | undefined;

/** An OCI registry, by the distribution API: https://github.com/opencontainers/distribution-spec */
export interface Registry {
  /** The digest a tag names now; undefined when it is not there. `repository` is with host: `harbor.example.com/shop/web`. */
  resolve(
    reference: { repository: string; tag: string },
    options: CallOptions & { credentials?: RegistryCredentials },
  ): Promise<string | undefined>;
  /** Checks that the credentials are accepted for pushing to the repository. @throws RegistryError */
  checkPush(repository: string, options: CallOptions & { credentials?: RegistryCredentials }): Promise<void>;
}
