/** An image as a container uses it. */
export interface ImageFiles {
  /** What `imageID` of the container's status shows. */
  id: string;
  /** The image's files, unpacked, one folder for all containers, never written to; undefined when it has none. */
  root: string | undefined;
  /** Whether `root` is a whole system with a shell of its own; else the machine's files lie beneath it. */
  complete: boolean;
  entrypoint: readonly string[];
  cmd: readonly string[];
  environment: Record<string, string>;
  workingDir: string;
  /** Set when this machine's tools stand for an image that the registry does not have: the sentence of the pod's event. */
  standIn: string | undefined;
}
