import { readRegularFile } from '../base/files/read-file.ts';
import { messageOf, SlipwayError, type SlipwayErrorOptions } from '../base/errors.ts';
import type { Masker } from '../base/mask.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import type { SecretData, Secrets, SecretSource } from '../ports/secrets.ts';

/** Bytes of the largest file that is a secret: as much as a Secret of Kubernetes may hold. */
const largestSecret = 1024 * 1024;

/** A secret's source is not there or cannot be read. The message names the source, never a value. */
export class SecretError extends SlipwayError {
  readonly code = 'secret';
  readonly fault = 'input';

  constructor(message: string, options: SlipwayErrorOptions = {}) {
    super(message, options);
  }
}

/** What {@link createSecretReader} needs. */
export interface SecretReaderOptions {
  sources: Readonly<Record<string, SecretSource>>;
  cluster: Pick<Cluster, 'get'>;
  /** Of the agent: where `kubernetes:` secrets lie when they name no other. */
  namespace: string;
  /** Learns every value before it is handed out. */
  masker: Masker;
  environment: NodeJS.ProcessEnv;
  /** Told once of each secret of which a part is too short to be masked. */
  onWeakSecret: (name: string) => void;
  /** Sandbox only: makes a value for a secret of the cluster that is not there. */
  generate?: (name: string) => SecretData;
}

/** Reads each secret once a run. */
export function createSecretReader(options: SecretReaderOptions): Secrets {
  const read = new Map<string, Promise<SecretData>>();
  return {
    read(name, { signal }) {
      const known = read.get(name);
      if (known !== undefined) return known;
      const data = readSource(name, options, signal).then((values) => {
        remember(name, values, options);
        return values;
      });
      read.set(name, data);
      data.catch(() => read.delete(name)); // the next reader tries again; this one gets the error
      return data;
    },
  };
}

function remember(name: string, values: SecretData, options: SecretReaderOptions): void {
  let weak = false;
  for (const [key, value] of values) {
    // A user name or a host key is no secret, and masking it would blot out ordinary words.
    if (key === 'username' || key === 'known_hosts') continue;
    if (options.masker.add(value).weak) weak = true;
  }
  if (weak) options.onWeakSecret(name);
}

async function readSource(
  name: string,
  options: SecretReaderOptions,
  signal: AbortSignal,
): Promise<SecretData> {
  const source = options.sources[name];
  if (source === undefined) throw new SecretError(`no secret "${name}" is declared under "secrets:"`);
  switch (source.type) {
    case 'env': {
      const value = options.environment[source.variable];
      if (value === undefined) {
        throw new SecretError(`secret ${name}: the environment variable ${source.variable} is not set`);
      }
      return new Map([['value', Buffer.from(value)]]);
    }
    case 'file':
      try {
        return new Map([
          ['value', trimmedEnd(await readRegularFile(source.path, { largest: largestSecret, signal }))],
        ]);
      } catch (error) {
        signal.throwIfAborted();
        throw new SecretError(`secret ${name}: the file ${source.path} cannot be read: ${messageOf(error)}`, {
          cause: error,
        });
      }
    case 'kubernetes':
      return readKubernetes(name, source, options, signal);
  }
}

async function readKubernetes(
  name: string,
  source: Extract<SecretSource, { type: 'kubernetes' }>,
  options: SecretReaderOptions,
  signal: AbortSignal,
): Promise<SecretData> {
  const namespace = source.namespace ?? options.namespace;
  const reference = { apiVersion: 'v1', kind: 'Secret', namespace, name: source.name };
  const secret = await options.cluster.get<KubernetesObject & { data?: Record<string, string> }>(reference, {
    signal,
  });
  if (secret !== undefined) {
    const entries = Object.entries(secret.data ?? {});
    return new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  }
  if (options.generate !== undefined) return options.generate(name);
  throw new SecretError(`secret ${name}: there is no Secret ${source.name} in namespace ${namespace}`, {
    hint: `make it with: kubectl -n ${namespace} create secret generic ${source.name} --from-literal=KEY=VALUE`,
  });
}

/** Without the line end that editors put at the end of a file. */
function trimmedEnd(content: Buffer): Buffer {
  const end = content.at(-1) === 10 ? (content.at(-2) === 13 ? 2 : 1) : 0;
  return content.subarray(0, content.length - end);
}
