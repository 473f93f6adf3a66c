import { defined } from '../../base/defined.ts';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { parseImageReference } from '../../base/image-reference.ts';
import type { Agent } from '../../ports/agent.ts';
import {
  BuildError,
  type Builder,
  type Builders,
  type BuildRequest,
  type BuiltImage,
} from '../../ports/builder.ts';
import type { StageContext, StageKind, StageResult } from '../../ports/stage.ts';
import { chooseBuilder } from './choose-builder.ts';
import { imageDefinition } from './definition.ts';
import { sourceLabels } from './image-labels.ts';
import { registryCredentials } from './registry-credentials.ts';
import type { ImageInput } from './schema.ts';

/** What the image stage needs beside the agent. */
export interface ImageDependencies {
  builders: Builders;
}

type Image = ImageInput['image'];
type Workshop = StageContext & { workspace: Agent };

/**
 * Builds an image from the workspace and pushes it. Outputs: `digest`, `reference` (repository@digest: what is to be
 * deployed), `repository`, `tag` (the first).
 */
export function imageStage(dependencies: ImageDependencies): StageKind<ImageInput> {
  return {
    definition: imageDefinition,
    run: async ({ image }, context) => {
      const workshop = { ...context, workspace: await context.agent() };
      return await buildImage(dependencies, image, workshop);
    },
  };
}

async function buildImage(
  dependencies: ImageDependencies,
  image: Image,
  context: Workshop,
): Promise<StageResult> {
  const builder = await chooseBuilder(dependencies.builders, image, context);
  const request = await buildRequest(image, builder, context);
  const { name } = context.stage;
  try {
    const built = await builder.buildAndPush(request, {
      signal: context.signal,
      onProgress: (message) => context.emit({ type: 'image.progress', stage: name, message }),
    });
    return await pushed(built, context);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const { message, hint } = error;
    return {
      outcome: 'failed',
      message,
      ...defined({ hint }),
      outputs: {},
      environment: {},
    };
  }
}

async function pushed(built: BuiltImage, context: Workshop): Promise<StageResult> {
  const { repository, digest, bytes } = built;
  const reference = `${repository}@${digest}`;
  await context.emit({
    type: 'image.pushed',
    stage: context.stage.name,
    reference,
    digest,
    ...defined({ bytes }),
  });
  return {
    outcome: 'succeeded',
    outputs: { digest, reference, repository, tag: built.tags[0] ?? '' },
    environment: {},
  };
}

async function buildRequest(image: Image, builder: Builder, context: Workshop): Promise<BuildRequest> {
  const { workspace } = context.workspace;
  const contextDirectory = path.posix.resolve(workspace, context.workingDirectory, image.context);
  if (contextDirectory !== workspace && !contextDirectory.startsWith(`${workspace}/`)) {
    throw new InputError(`image.context "${image.context}" leaves the workspace`);
  }
  const created = new Date(context.clock.now()).toISOString();
  const [first = 'latest', ...others] = image.tags;
  const credentials = await readCredentials(image, context);
  return {
    agent: context.workspace,
    container: context.container,
    contextDirectory,
    dockerfile: image.dockerfile,
    repository: image.repository,
    tags: [first, ...others],
    buildArguments: Object.fromEntries(
      Object.entries(image.args).map(([key, value]) => [key, String(value)]),
    ),
    labels: {
      // What `layers` makes is the same whenever it is made: a time would take that away.
      ...(builder.name === 'docker' ? { 'org.opencontainers.image.created': created } : {}),
      ...sourceLabels(context.outputs),
      ...image.labels,
    },
    cacheFrom: image.cacheFrom,
    ...defined({ target: image.target, platform: image.platform, credentials }),
  };
}

async function readCredentials(image: Image, context: StageContext): Promise<BuildRequest['credentials']> {
  if (image.credentials === undefined) return undefined;
  const data = await context.secrets.read(image.credentials, { signal: context.signal });
  return registryCredentials(image.credentials, data, parseImageReference(image.repository).host);
}
