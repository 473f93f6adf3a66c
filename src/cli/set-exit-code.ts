/** Sets the exit code of a command that ended without an error. */
export type SetExitCode = (code: number) => void;
