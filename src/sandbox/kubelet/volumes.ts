import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { expand, fieldOf, resourceOf } from './environment.ts';
import type { PodFacts } from './environment.ts';
import type { V1KeyToPath } from '@kubernetes/client-node';
import type { Container, FileSource, Pod, Volume } from './pod-types.ts';
import type { Mount } from './runtime.ts';

/** A volume cannot be made (yet); the pod waits with a FailedMount event of this message. */
export class MountFailed extends Error {}

/** Reads the values of a ConfigMap or Secret as bytes; undefined when there is no such object. */
export interface FileValues {
  configMap(name: string): ReadonlyMap<string, Buffer> | undefined;
  secret(name: string): ReadonlyMap<string, Buffer> | undefined;
  /** The folder of a claim; undefined when there is no such claim. */
  claim(name: string): string | undefined;
  /** A token that the sandbox's API takes, for `serviceAccountToken`. */
  token: string;
}

const usualMode = 0o644;

/**
 * Makes a volume of the pod in `folder`, or brings its files up to date, and returns the path that stands for it.
 * Files are replaced one by one and atomically. Throws {@link MountFailed}.
 */
export function materializeVolume(
  pod: Pod,
  volume: Volume,
  { folder, values, facts }: { folder: string; values: FileValues; facts: PodFacts },
): string {
  if (volume.hostPath !== undefined) return hostPath(volume);
  if (volume.persistentVolumeClaim !== undefined) {
    const { claimName } = volume.persistentVolumeClaim;
    const path = values.claim(claimName);
    if (path === undefined) throw new MountFailed(`persistentvolumeclaim "${claimName}" not found`);
    return path;
  }
  const path = join(folder, volume.name);
  mkdirSync(path, { recursive: true });
  if (volume.emptyDir !== undefined) {
    chmodSync(path, 0o777);
    return path;
  }
  const { projected } = volume;
  const source = projected ?? volume.configMap ?? volume.secret ?? volume.downwardAPI;
  if (source === undefined) {
    const type = Object.keys(volume).find((field) => field !== 'name') ?? 'unknown';
    throw new MountFailed(`volume "${volume.name}": the sandbox has no volumes of type ${type}`);
  }
  const sources = projected === undefined ? [volume] : (projected.sources ?? []);
  const files = sources.flatMap((one) => filesOf(pod, one, values, facts));
  writeFiles(path, files, source.defaultMode ?? usualMode);
  return path;
}

/** Makes the files of a volume what they should be; those of keys that have gone are removed. */
function writeFiles(folder: string, files: readonly SourceFile[], defaultMode: number): void {
  const wanted = new Set<string>();
  for (const { path, data, mode = defaultMode } of files) {
    const whole = inside(folder, path);
    wanted.add(whole);
    writeFile(whole, data, mode);
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !wanted.has(path)) rmSync(path);
  }
}

interface SourceFile {
  path: string;
  data: Buffer;
  mode?: number | undefined;
}

function filesOf(pod: Pod, source: FileSource, values: FileValues, facts: PodFacts): SourceFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined)
    return keyedFiles('configmap', configMap.name ?? '', configMap, values.configMap(configMap.name ?? ''));
  if (secret !== undefined) {
    const name = secret.secretName ?? secret.name ?? '';
    return keyedFiles('secret', name, secret, values.secret(name));
  }
  if (serviceAccountToken !== undefined)
    return [{ path: serviceAccountToken.path, data: Buffer.from(values.token) }];
  return (downwardAPI?.items ?? []).map(({ path, mode, fieldRef, resourceFieldRef }) => {
    const text =
      fieldRef === undefined
        ? resourceFieldRef === undefined
          ? ''
          : resourceOf(pod, resourceFieldRef)
        : fieldOf(pod, fieldRef, facts);
    return { path, mode, data: Buffer.from(text) };
  });
}

function keyedFiles(
  kind: string,
  name: string,
  { items, optional = false }: { items?: V1KeyToPath[]; optional?: boolean },
  values: ReadonlyMap<string, Buffer> | undefined,
): SourceFile[] {
  if (values === undefined) {
    if (optional) return [];
    throw new MountFailed(`${kind} "${name}" not found`);
  }
  if (items === undefined) return [...values].map(([path, data]) => ({ path, data }));
  return items.flatMap(({ key, path, mode }) => {
    const data = values.get(key);
    if (data !== undefined) return [{ path, data, mode }];
    if (optional) return [];
    throw new MountFailed(`references non-existent ${kind === 'secret' ? 'secret' : 'config'} key: ${key}`);
  });
}

function hostPath({ name, hostPath: source }: Volume): string {
  const { path, type = '' } = source ?? { path: '' };
  if (type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true });
  if (type === 'FileOrCreate' && !existsSync(path)) writeFileSync(path, '');
  const found = statSync(path, { throwIfNoEntry: false });
  const isWrong =
    found === undefined
      ? type !== ''
      : (type.startsWith('Directory') && !found.isDirectory()) ||
        (type.startsWith('File') && !found.isFile());
  if (isWrong)
    throw new MountFailed(
      `MountVolume.SetUp failed for volume "${name}" : hostPath type check failed: ${path} is not a ${type.replace('OrCreate', '').toLowerCase()}`,
    );
  // Without a type the real kubelet lets the container runtime make the folder.
  if (found === undefined) mkdirSync(path, { recursive: true });
  return path;
}

function writeFile(path: string, data: Buffer, mode: number): void {
  if (existsSync(path) && readFileSync(path).equals(data)) return;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  writeFileSync(temporary, data, { mode });
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

const isWithin = (folder: string, path: string): boolean => path === folder || path.startsWith(folder + sep);

/** A path below `folder`; one that leads out of it is refused. */
function inside(folder: string, path: string): string {
  const whole = resolve(folder, path);
  if (!isWithin(folder, whole)) throw new MountFailed(`path "${path}" must not contain '..'`);
  return whole;
}

/** A folder or file of a volume; a folder is made when there is none. */
function subPathOf(volume: string, subPath: string): string {
  const source = inside(volume, subPath);
  let there = source;
  while (!existsSync(there)) there = dirname(there);
  // A container that had the volume before may have made a link that leads out of it.
  if (!isWithin(realpathSync(volume), realpathSync(there)))
    throw new MountFailed(`failed to prepare subPath: subpath "${subPath}" not within volume path`);
  if (there !== source) mkdirSync(source, { recursive: true });
  return source;
}

/** The mounts of a container, from the paths of the pod's volumes; a `subPath` that is not there is made a folder. */
export function mountsOf(
  container: Container,
  volumes: ReadonlyMap<string, string>,
  environment: Record<string, string>,
): Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, subPath, subPathExpr, readOnly = false }) => {
    const volume = volumes.get(name);
    if (volume === undefined)
      throw new MountFailed(`volume "${name}" of container "${container.name}" not found`);
    const below = subPathExpr === undefined ? subPath : expand(subPathExpr, environment);
    const source = below === undefined || below === '' ? volume : subPathOf(volume, below);
    return { source, target: resolve('/', mountPath), readOnly };
  });
}

/** Whether a volume has files of that ConfigMap or Secret. */
export function comesFrom(volume: Volume, kind: string, name: string): boolean {
  const sources: FileSource[] = [volume, ...(volume.projected?.sources ?? [])];
  return sources.some(({ configMap, secret }) =>
    kind === 'ConfigMap' ? configMap?.name === name : (secret?.secretName ?? secret?.name) === name,
  );
}
