/** What every benchmark gets. */
export interface Bench {
  /** Folder of the repository. */
  root: string;
  /** The built CLI, `dist/main.js`: what users start. */
  cli: string;
  /** A namespace of the current cluster for this run of the benchmarks alone; deleted afterwards. */
  namespace: string;
  /** An image with a shell that the nodes have already. */
  image: string;
}
