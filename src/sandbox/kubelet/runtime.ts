import type { ImageFiles } from './image-files.ts';
import type { CommandProcess, RunningProcess } from './running-process.ts';

/** A folder or file of the machine that a container sees at `target`. */
export interface Mount {
  source: string;
  target: string;
  readOnly: boolean;
}

/** All that is needed to start a container's process. */
export interface ContainerLaunch {
  /** Folder of this container, kept from instance to instance; the runtime makes what it needs in it. */
  folder: string;
  hostname: string;
  command: readonly string[];
  environment: Record<string, string>;
  workingDir: string;
  image: ImageFiles;
  mounts: readonly Mount[];
  /** The process id whose network the container shares; undefined is the machine's network. */
  networkOf: number | undefined;
  stdin: boolean;
}

/** A running container: its own process, and the way to run others beside it. */
export interface RunningContainer extends RunningProcess {
  /** Starts a command in the container's files, network and environment. */
  exec(command: readonly string[], options: { stdin: boolean; tty: boolean }): CommandProcess;
}

/** The command could not be started; the message is the one of `containerd`: `exec: "x": executable file not found in $PATH`. */
export class StartError extends Error {
  readonly exitCode = 128;
}

/** Makes processes of containers: in namespaces of their own, or plainly on the machine. */
export interface Runtime {
  /** Rejects with {@link StartError}. */
  start(launch: ContainerLaunch): Promise<RunningContainer>;
  /** Ends what no container uses. */
  close(): void;
}
