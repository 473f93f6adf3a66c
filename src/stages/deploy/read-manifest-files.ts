import { InputError } from '../../base/errors.ts';
import { compileGlob, globBase, isGlob } from '../../base/glob.ts';
import { AgentError, type Agent } from '../../ports/agent.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { ManifestFile } from './parse-manifests.ts';
import type { DeploySettings } from './settings.ts';

/** Bytes of all manifests together that are read into memory. */
export const largestManifests = 10 * 1024 * 1024;

/** Bytes that one answer of the agent may carry; its output is bounded to 1 MiB, base64 takes a third more. */
const maxChunk = 720 * 1024;

/** Bytes of the list of files below the patterns' folders, in which manifests may be few among many. */
const largestList = 64 * 1024 * 1024;

/** Lists the files under the directories given, `size path` a line; needs nothing but a shell and wc. */
const listScript = `
walk() {
  for entry in "$1"/* "$1"/.[!.]*; do
    case "$entry" in */.git|*/node_modules) continue;; esac
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then walk "$entry"
    elif [ -f "$entry" ]; then printf '%s %s\\n' "$(wc -c < "$entry")" "$entry"; fi
  done
}
cd "$1" || exit 1
shift
for base; do
  if [ -f "$base" ]; then printf '%s %s\\n' "$(wc -c < "$base")" "$base"
  elif [ -d "$base" ]; then walk "$base"; fi
done
`;

/** Writes bytes \`$3\` to \`$3 + $4\` of file \`$2\` as base64, so that no character is cut in two. */
const readScript = `cd "$1" && tail -c "+$3" "$2" | head -c "$4" | base64`;

/** The setting that names files. */
export type ManifestField = 'deploy.manifests' | 'deploy.migrate.job';

/** Manifests without those of the migration, which may lie in the same folder. */
export function withoutMigration(
  files: readonly ManifestFile[],
  migration: readonly ManifestFile[],
): ManifestFile[] {
  return files.filter(({ path }) => !migration.some((each) => each.path === path));
}

/** Where manifests are read from. */
export interface ManifestSource {
  agent: Agent;
  container: string;
  /** Absolute in the agent. */
  directory: string;
}

/**
 * Reads the files that the patterns name from the agent's checkout, sorted by path. A pattern that is a folder means
 * the .yaml, .yml and .json files in it.
 * @throws InputError when a pattern matches nothing, leaves the checkout, or the files are more than 10 MiB
 */
export async function readManifestFiles(
  source: ManifestSource,
  patterns: readonly string[],
  options: CallOptions & { field?: ManifestField },
): Promise<ManifestFile[]> {
  checkPatterns(patterns, options.field);
  const bases = manifestBases(patterns);
  const listed = await query(source, ['sh', '-c', listScript, 'sh', source.directory, ...bases], {
    ...options,
    largest: largestList,
  });
  const files = new Map<string, number>();
  for (const line of listed.split('\n')) {
    const match = /^\s*(\d+) (?:\.\/)?(.+)$/.exec(line);
    if (match?.[2] !== undefined) files.set(match[2], Number(match[1]));
  }
  const paths = selectFiles([...files.keys()], patterns, options.field);
  const total = paths.reduce((sum, path) => sum + (files.get(path) ?? 0), 0);
  if (total > largestManifests) throw tooManyBytes(paths.length);
  const read: ManifestFile[] = [];
  for (const path of paths)
    read.push({ path, text: await readFile(source, path, files.get(path) ?? 0, options) });
  return read;
}

/** Reads the file of a deploy stage's migration, by the same rules; undefined where it has none. */
export async function readMigrationFiles(
  source: ManifestSource,
  { migrate }: Pick<DeploySettings, 'migrate'>,
  options: CallOptions,
): Promise<ManifestFile[] | undefined> {
  if (migrate === undefined) return undefined;
  return readManifestFiles(source, [migrate.job], { ...options, field: 'deploy.migrate.job' });
}

/** @throws InputError for a pattern that leaves the checkout */
export function checkPatterns(patterns: readonly string[], field: ManifestField = 'deploy.manifests'): void {
  const outside = patterns.find((pattern) => pattern.startsWith('/') || pattern.split('/').includes('..'));
  if (outside === undefined) return;
  throw new InputError(`${field}: "${outside}" leaves the checkout`, {
    hint: 'write a path relative to the checkout',
  });
}

/** The files and folders to look at for what the patterns match, each once. */
export function manifestBases(patterns: readonly string[]): string[] {
  return [...new Set(patterns.map((pattern) => globBase(plainOf(pattern)) || '.'))];
}

/** The error for manifests of more than {@link largestManifests}. */
export function tooManyBytes(files: number): InputError {
  return new InputError(`deploy.manifests: ${String(files)} files are more than 10 MiB together`);
}

/** The paths that the patterns match, sorted. @throws InputError for a pattern that matches none */
export function selectFiles(
  paths: readonly string[],
  patterns: readonly string[],
  field: ManifestField = 'deploy.manifests',
): string[] {
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const plain = plainOf(pattern);
    const inFolder = compileGlob(plain === '.' ? '*.{yaml,yml,json}' : `${plain}/*.{yaml,yml,json}`);
    const matches = isGlob(plain)
      ? paths.filter(compileGlob(plain))
      : paths.filter((path) => path === plain || inFolder(path));
    if (matches.length === 0) {
      throw new InputError(`${field}: no file matches "${pattern}"`, {
        hint: 'paths are relative to the checkout; is a checkout stage missing?',
      });
    }
    for (const path of matches) chosen.add(path);
  }
  return [...chosen].sort();
}

function plainOf(pattern: string): string {
  return pattern.replace(/^\.\//, '').replace(/\/$/, '');
}

async function readFile(
  source: ManifestSource,
  path: string,
  size: number,
  options: CallOptions,
): Promise<string> {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < size; offset += maxChunk) {
    const range = [String(offset + 1), String(maxChunk)];
    const command = ['sh', '-c', readScript, 'sh', source.directory, path, ...range];
    pieces.push(Buffer.from(await query(source, command, options), 'base64'));
  }
  const bytes = Buffer.concat(pieces);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError(`${path} is not UTF-8 text`, { cause });
  }
}

async function query(
  source: ManifestSource,
  command: string[],
  options: CallOptions & { largest?: number },
): Promise<string> {
  const result = await source.agent.query(command, { ...options, container: source.container });
  if (result.exitCode !== 0) {
    throw new AgentError(
      'containerStart',
      `the manifests could not be read in container ${source.container}: ${result.stderr.trim()}`,
      { hint: 'the container needs sh, wc, tail, head and base64' },
    );
  }
  return result.stdout;
}
