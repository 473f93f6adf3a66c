import type { Readable } from 'node:stream';
import type { CallOptions } from './cluster.ts';

/** Files that were saved, with paths relative to `directory`. */
export interface SavedFiles {
  /** Where they are, for people. */
  directory: string;
  files: readonly { path: string; bytes: number }[];
  bytes: number;
}

/** Keeps what a run leaves: artifacts and test reports, a folder a stage. */
export interface ArtifactStore {
  /**
   * Unpacks a tar stream. Paths that leave the folder, links and devices are refused.
   * @throws InputError when the archive holds such a path
   */
  save(
    kind: 'artifacts' | 'reports',
    stage: string,
    tar: Readable,
    options: CallOptions,
  ): Promise<SavedFiles>;
  /** Opens a saved file. */
  open(saved: SavedFiles, path: string): Readable;
}
