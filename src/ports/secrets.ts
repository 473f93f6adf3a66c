/**
 * Where a secret named in the file comes from: an object in the agent's namespace, a variable or a file of the
 * runner's machine.
 */
export type SecretSource =
  | { type: 'kubernetes'; name: string; namespace?: string }
  | { type: 'env'; variable: string }
  | { type: 'file'; path: string };

/** A secret's keys and their bytes. A source with one value (env, file) has the single key `value`. */
export type SecretData = ReadonlyMap<string, Buffer>;

/** Reads the secrets that the pipeline file names. Every value read is registered with the masker before it is returned. */
export interface Secrets {
  /**
   * @param name a key of `secrets:` in the file
   * @throws SecretError (infrastructure or input) when the source is not there; the message never holds a value
   */
  read(name: string, options: { signal: AbortSignal }): Promise<SecretData>;
}

/** How one environment variable of a step or a container gets its value; secret values reach the pod as env from a Secret or a private file, never as an argument. */
export type EnvironmentValue =
  { type: 'plain'; value: string } | { type: 'secret'; secret: string; key?: string };

/** Variable name to value. */
export type Environment = Readonly<Record<string, EnvironmentValue>>;
