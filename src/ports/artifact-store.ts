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
   * Unpacks a tar stream; where that fails, nothing of it stays. Hard links to files of the archive are files like others. Paths that leave the folder,
   * symbolic links and devices are refused, and nothing is written through a link that lies in the folder.
   * @throws InputError when the archive holds such a path or is broken, or when something stands in the way
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
