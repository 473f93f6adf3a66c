/**
 * Makes the base images that the examples and the agent image are built on, from Debian packages, so that
 * nothing has to be pulled: `node scripts/e2e-images.ts`. An image that is there already is kept: one that we
 * made is made again only when its inputs changed, one that somebody pulled is never touched.
 */
import { createHash } from 'node:crypto';
import { cp, link, mkdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { version } from '../src/base/version.ts';
import { debianSources } from './debian-sources.ts';
import { runCommand } from './run-command.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where what the tests need is kept between runs. */
export const cache = process.env['SLIPWAY_CACHE'] ?? join(homedir(), '.cache', 'slipway');
const codename = 'bookworm';
const label = 'slipway.e2e.inputs';

/** The agent image under the name that runs use when a pipeline names none. */
const agentImage = `slipway/agent:${version}`;

interface Build {
  tag: string;
  dockerfile: string;
  context: string;
  target?: string;
  buildArguments?: Record<string, string>;
  /** Anything beside the Dockerfile that decides what the image holds. */
  inputs?: string[];
}

/** Builds all images; independent ones at the same time. Prints a line for each. */
export async function makeImages(): Promise<void> {
  await mkdir(cache, { recursive: true });
  await debianBase();
  await Promise.all([
    build({ tag: 'nginx:1', dockerfile: local('nginx/Dockerfile'), context: local('nginx') }),
    build({ tag: 'eclipse-temurin:17-jre', dockerfile: local('java/Dockerfile'), context: local('java') }),
    nodeAndAgent(),
  ]);
}

async function nodeAndAgent(): Promise<void> {
  const node = await nodeContext();
  const [kubectl] = await Promise.all([
    kubectlImage(),
    build({ tag: 'node:24-bookworm-slim', dockerfile: local('node/Dockerfile'), target: 'slim', ...node }),
  ]);
  await Promise.all([
    build({
      tag: agentImage,
      dockerfile: join(root, 'agent-image', 'Dockerfile'),
      context: join(root, 'agent-image'),
      buildArguments: { KUBECTL_IMAGE: kubectl },
      inputs: [await readFile(join(root, 'agent-image', 'settings.xml'), 'utf8')],
    }),
    build({ tag: 'node:24', dockerfile: local('node/Dockerfile'), target: 'full', ...node }),
  ]);
}

function local(path: string): string {
  return join(root, 'scripts', 'images', path);
}

/** `debian:bookworm-slim`: a minimal Debian without manuals, its apt set up as this machine's is. */
async function debianBase(): Promise<void> {
  const tag = `debian:${codename}-slim`;
  const started = Date.now();
  // Only what a machine with an old or frozen mirror sets; nothing else of its apt matters inside an image.
  const checks = await runCommand([
    'apt-config',
    'dump',
    '--format=%f "%v";%n',
    'Acquire::Check-Valid-Until',
  ]);
  const settings = [
    '--variant=apt',
    // Debian's own images have this in place of usrmerge, which brings all of Perl.
    '--include=usr-is-merged',
    '--customize-hook=chroot "$1" dpkg --purge usrmerge libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl perl libperl5.36 perl-modules-5.36',
    // Downloaded packages would stay in the layer that installs them.
    `--customize-hook=echo '${[
      'APT::Keep-Downloaded-Packages "false";',
      'Dir::Cache::pkgcache "";',
      'Dir::Cache::srcpkgcache "";',
    ].join(' ')}' >"$1/etc/apt/apt.conf.d/docker-clean"; rm -f "$1"/var/cache/apt/*.bin`,
    ...checks.stdout.split('\n').map((line) => line && `--aptopt=${line}`),
    '--aptopt=APT::Install-Recommends "false";',
    ...['man', 'doc', 'locale', 'info'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  ].filter((setting) => setting !== '');
  const sources = await debianSources(codename);
  const inputs = hashOf([...settings, sources]);
  const present = await inputsOf(tag);
  if (present === 'foreign' || present === inputs) {
    said(tag, 'is there', started);
    return;
  }
  const archive = join(cache, `debian-${codename}-${inputs}.tar`);
  if (!(await exists(archive))) {
    const unfinished = `${archive}.${process.pid}.tar`;
    try {
      await runCommand(['mmdebstrap', '--quiet', ...settings, codename, unfinished, '-'], { input: sources });
      await rename(unfinished, archive);
    } finally {
      await rm(unfinished, { force: true });
    }
  }
  const changes = ['CMD ["bash"]', `LABEL ${label}=${inputs}`].flatMap((change) => ['--change', change]);
  await runCommand(['docker', 'import', ...changes, archive, tag]);
  said(tag, 'made', started);
}

/** A build context with the Node binary of the npm package `node` and this machine's npm. */
async function nodeContext(): Promise<{ context: string; inputs: string[] }> {
  const binary = join(root, 'node_modules', 'node', 'bin', 'node');
  const version = (await runCommand([binary, '--version'])).stdout.trim();
  const npm = join((await runCommand(['npm', 'root', '--global'])).stdout.trim(), 'npm');
  const npmVersion = (JSON.parse(await readFile(join(npm, 'package.json'), 'utf8')) as { version: string })
    .version;
  const context = join(cache, `node-${version}-npm-${npmVersion}`);
  if (!(await exists(join(context, 'node')))) {
    await mkdir(context, { recursive: true });
    await cp(npm, join(context, 'npm'), { recursive: true, force: true });
    await cp(binary, join(context, 'node'));
  }
  return { context, inputs: [version, npmVersion] };
}

/** An image with this machine's kubectl alone, laid out as the one that the Kubernetes project publishes. */
async function kubectlImage(): Promise<string> {
  const path = (await runCommand(['sh', '-c', 'command -v kubectl'])).stdout.trim();
  const binary = await realpath(path);
  const { size, mtimeMs } = await stat(binary);
  const context = join(cache, 'kubectl');
  await mkdir(context, { recursive: true });
  await rm(join(context, 'kubectl'), { force: true });
  // A link costs nothing; where the cache lies on another disk only a copy is possible.
  await link(binary, join(context, 'kubectl')).catch(() => cp(binary, join(context, 'kubectl')));
  const tag = 'slipway-e2e/kubectl:local';
  await build({
    tag,
    dockerfile: local('kubectl/Dockerfile'),
    context,
    inputs: [binary, `${size} ${mtimeMs}`],
  });
  return tag;
}

async function build(image: Build): Promise<void> {
  const started = Date.now();
  const base = await runCommand([
    'docker',
    'image',
    'inspect',
    '--format',
    '{{.Id}}',
    `debian:${codename}-slim`,
  ]);
  const inputs = hashOf([
    base.stdout,
    await readFile(image.dockerfile, 'utf8'),
    image.target ?? '',
    ...(image.inputs ?? []),
  ]);
  const present = await inputsOf(image.tag);
  if (present === 'foreign' || present === inputs) {
    said(image.tag, 'is there', started);
    return;
  }
  await runCommand([
    ...['docker', 'build', '--quiet', '--tag', image.tag, '--label', `${label}=${inputs}`],
    ...(image.target === undefined ? [] : ['--target', image.target]),
    ...Object.entries(image.buildArguments ?? {}).flatMap(([name, value]) => [
      '--build-arg',
      `${name}=${value}`,
    ]),
    ...['--file', image.dockerfile, image.context],
  ]);
  said(image.tag, 'made', started);
}

function hashOf(inputs: readonly string[]): string {
  return createHash('sha256').update(inputs.join('\0')).digest('hex').slice(0, 16);
}

/** What an image was made from: our label; `foreign` when it is not ours, undefined when it is not there. */
async function inputsOf(tag: string): Promise<string | undefined> {
  const format = `{{index .Config.Labels "${label}"}}`;
  const found = await runCommand(['docker', 'image', 'inspect', '--format', format, tag], {
    allowFailure: true,
  });
  if (found.exitCode !== 0) {
    if (/No such image/i.test(found.stderr)) return undefined;
    // An image without any label makes the template fail: it is somebody else's.
    if (/error calling index|template/i.test(found.stderr)) return 'foreign';
    throw new Error(`docker image inspect ${tag}: ${found.stderr.trim()}`);
  }
  return found.stdout.trim() === '' ? 'foreign' : found.stdout.trim();
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function said(tag: string, what: string, startedMs: number): void {
  console.log(`image ${tag}: ${what} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeImages();
