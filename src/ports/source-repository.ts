import type { Readable } from 'node:stream';
import { SlipwayError, type SlipwayErrorOptions } from '../base/errors.ts';
import type { CallOptions } from './cluster.ts';

/** A Git repository could not be read: not there, no commit, a ref that does not exist. */
export class SourceError extends SlipwayError {
  readonly code = 'source';
  readonly fault = 'input';
  constructor(message: string, options: SlipwayErrorOptions = {}) {
    super(message, options);
  }
}

/** What is known of a commit. */
export interface Commit {
  sha: string;
  /** Empty when detached. */
  branch: string;
  /** Empty when no tag points at it. */
  tag: string;
  author: string;
  /** The first line. */
  message: string;
}

/** What is known of a local working copy. */
export interface WorkingCopy extends Commit {
  /** Its top folder. */
  directory: string;
  /** URL of `origin`, without credentials; empty when there is none. */
  origin: string;
  /** Files that are changed or new and so not part of the commit. */
  uncommitted: number;
}

/** A commit packed for the way into an agent: a bare repository as a tar stream. */
export interface PackedCommit {
  commit: Commit;
  /** Opens a tar stream of a bare repository whose ref `refs/slipway/commit` is the commit, with its tags where they were asked for; as often as needed. */
  open(): Readable;
  /** Removes what was made on this machine for it; call it after the streams have ended or failed. */
  dispose(): Promise<void>;
}

/** What the runner itself does with Git repositories of its own machine. */
export interface SourceRepository {
  /** The working copy that `directory` lies in; undefined when it lies in none. @throws SourceError */
  workingCopy(directory: string, options: CallOptions): Promise<WorkingCopy | undefined>;
  /**
   * Packs a commit of a local repository.
   * @param request.depth commits of history; 0: all
   * @param request.tags whether all tags are packed too, with as much history; default false
   * @throws SourceError when the ref is not there
   */
  pack(
    request: { directory: string; ref: string; depth: number; tags?: boolean },
    options: CallOptions,
  ): Promise<PackedCommit>;
  /** Paths changed between two refs, relative to the repository. @throws SourceError */
  changedFiles(
    request: { directory: string; from: string; to: string },
    options: CallOptions,
  ): Promise<string[]>;
}
