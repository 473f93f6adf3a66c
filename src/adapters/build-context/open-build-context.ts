import { defined } from '../../base/defined.ts';
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { BuildError, type BuildContext, type BuildRequest } from '../../ports/builder.ts';
import type { Agent } from '../../ports/agent.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { parseDockerIgnore } from './dockerignore.ts';
import { filterTar } from './filter-tar.ts';

const missingFile = 44;

type Filter = Parameters<typeof filterTar>[1];

type InContainer = CallOptions & { container?: string };

/**
 * Looks at the context of a build in the agent's workspace: reads the Dockerfile and its ignore file
 * (`NAME.dockerignore` beside it, else .dockerignore); then what is not excluded can be streamed. Plain excluded folders are
 * not even read in the pod. The Dockerfile and .dockerignore themselves are always sent, as Docker does.
 * @throws BuildError when the context or the Dockerfile is not there
 */
export async function openBuildContext(request: BuildRequest, call: CallOptions): Promise<BuildContext> {
  const { agent, contextDirectory, container } = request;
  const options: InContainer = { ...call, ...defined({ container }) };
  const dockerfile = posix.normalize(request.dockerfile);
  const path = posix.resolve(contextDirectory, dockerfile);
  const dockerfileText = await readText(agent, path, options);
  if (dockerfileText === undefined) throw await nothingToBuild(request, path, options);
  const ignoreText =
    (await readText(agent, `${path}.dockerignore`, options)) ??
    (await readText(agent, posix.join(contextDirectory, '.dockerignore'), options)) ??
    '';
  const ignore = parseDockerIgnore(ignoreText);
  const outside = dockerfile.startsWith('../') || posix.isAbsolute(dockerfile);
  const own = ['.dockerignore', ...(outside ? [] : [dockerfile])];
  const excludes = ignore.prunable.filter((excluded) => !own.some((kept) => isBelow(kept, excluded)));
  const read = <T>(filter: Filter, receive: (tar: Readable) => Promise<T>) =>
    agent.download(
      ['.'],
      async (source) => {
        const tar = filterTar(source, filter);
        try {
          return await receive(tar);
        } finally {
          tar.destroy();
        }
      },
      { ...options, directory: contextDirectory, excludes },
    );
  const keep = (name: string) => own.includes(name) || !ignore.excludes(name);
  const hidden = own.filter((name) => ignore.excludes(name));
  if (!outside) return { read: (receive) => read({ keep }, receive), dockerfile, dockerfileText, hidden };
  return bringDockerfile(read, { keep, dockerfileText, ignoreText });
}

/**
 * A Dockerfile outside of the context comes into it under a name that its own text gives (so that it is the same each
 * time), and is hidden from the instructions by .dockerignore, as the Docker CLI does it.
 */
function bringDockerfile(
  read: <T>(filter: Filter, receive: (tar: Readable) => Promise<T>) => Promise<T>,
  {
    keep,
    dockerfileText,
    ignoreText,
  }: { keep: (name: string) => boolean } & Record<'dockerfileText' | 'ignoreText', string>,
): BuildContext {
  const name = `.dockerfile.${createHash('sha256').update(dockerfileText).digest('hex').slice(0, 20)}`;
  const hidden = [name, '.dockerignore'];
  const extra = [
    { name, content: dockerfileText },
    { name: '.dockerignore', content: [ignoreText, ...hidden, ''].join('\n') },
  ];
  const filter = { keep: (path: string) => path !== '.dockerignore' && keep(path), extra };
  return { read: (receive) => read(filter, receive), dockerfile: name, dockerfileText, hidden };
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

async function readText(agent: Agent, path: string, options: InContainer): Promise<string | undefined> {
  const script = `[ -f "$1" ] || exit ${String(missingFile)}; cat "$1"`;
  const result = await agent.query(['sh', '-c', script, 'sh', path], options);
  if (result.exitCode === missingFile) return undefined;
  if (result.exitCode !== 0)
    throw new BuildError(`cannot read ${path} in the agent: ${result.stderr.trim()}`);
  return result.stdout;
}

async function nothingToBuild(
  request: BuildRequest,
  path: string,
  options: InContainer,
): Promise<BuildError> {
  const folder = await request.agent.query(
    ['sh', '-c', '[ -d "$1" ]', 'sh', request.contextDirectory],
    options,
  );
  return folder.exitCode === 0
    ? new BuildError(`there is no Dockerfile at ${path}`, {
        hint: 'set image.dockerfile, relative to image.context',
      })
    : new BuildError(`the build context ${request.contextDirectory} is not a folder in the workspace`, {
        hint: 'set image.context, relative to the working folder',
      });
}
