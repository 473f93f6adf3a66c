import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import { BuildError, type BuildContext, type BuildRequest } from '../../ports/builder.ts';
import type { Agent } from '../../ports/agent.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { parseDockerIgnore } from './dockerignore.ts';
import { filterTar } from './filter-tar.ts';

const missingFile = 44;

type InContainer = CallOptions & { container?: string };

/**
 * Opens the context of a build in the agent's workspace: reads the Dockerfile and its ignore file
 * (`NAME.dockerignore` beside it, else .dockerignore), then streams what is not excluded. Plain excluded folders are
 * not even read in the pod. The Dockerfile and .dockerignore themselves are always sent, as Docker does.
 * @throws BuildError when the context or the Dockerfile is not there
 */
export async function openBuildContext(request: BuildRequest, call: CallOptions): Promise<BuildContext> {
  const { agent, contextDirectory, container } = request;
  const options: InContainer = { ...call, ...(container === undefined ? {} : { container }) };
  const dockerfile = posix.normalize(request.dockerfile);
  const path = posix.resolve(contextDirectory, dockerfile);
  const dockerfileText = await readText(agent, path, options);
  if (dockerfileText === undefined) throw await nothingToBuild(request, path, options);
  const outside = dockerfile.startsWith('../') || posix.isAbsolute(dockerfile);
  const ignoreText =
    (await readText(agent, `${path}.dockerignore`, options)) ??
    (await readText(agent, posix.join(contextDirectory, '.dockerignore'), options));
  const ignore = parseDockerIgnore(ignoreText ?? '');
  const always = new Set(['.dockerignore', ...(outside ? [] : [dockerfile])]);
  const source = await agent.download(['.'], {
    ...options,
    directory: contextDirectory,
    excludes: ignore.prunable.filter((excluded) => ![...always].some((kept) => isBelow(kept, excluded))),
  });
  const keep = (name: string) => always.has(name) || !ignore.excludes(name);
  if (!outside) return { tar: filterTar(source, { keep }), dockerfile, dockerfileText };
  const name = `.dockerfile.${randomUUID()}`;
  return {
    tar: filterTar(source, { keep, extra: { name, content: dockerfileText } }),
    dockerfile: name,
    dockerfileText,
  };
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
