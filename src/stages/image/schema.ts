import * as z from '../../base/zod.ts';
import { argumentName, repository, tag } from './names.ts';

const text = z.string().check(z.minLength(1));

const docker = z.union([
  z.strictObject({
    host: text.check(z.describe('Address of the engine: unix:///path or tcp://host:2376.')),
    certificates: z.described(
      'Name of a secret with ca.pem, cert.pem and key.pem (or ca.crt, tls.crt, tls.key).',
      z.optional(text),
    ),
  }),
  z.strictObject({
    sidecar: text.check(z.describe('Name of the service of the agent that runs the engine.')),
    port: z.described(
      'Its port in the pod, without TLS.',
      z._default(z.int().check(z.minimum(1), z.maximum(65_535)), 2375),
    ),
  }),
]);

/** `image:` of a stage. */
export const imageFields = {
  image: z.strictObject({
    repository: z.described('Name with registry, e.g. harbor.example.com/shop/web.', repository),
    tags: z.described('All of them are pushed.', z._default(z.array(tag).check(z.minLength(1)), ['latest'])),
    context: z.described(
      'Folder of the build context, relative to the working folder.',
      z._default(text, '.'),
    ),
    dockerfile: z.described('Relative to the context.', z._default(text, 'Dockerfile')),
    target: z.described('Stage of the Dockerfile to build.', z.optional(text)),
    args: z.described(
      'Build arguments. They are seen in the image’s history: no place for secrets.',
      z._default(z.record(argumentName, z.union([z.string(), z.number(), z.boolean()])), {}),
    ),
    labels: z.described(
      'Labels of the image, besides revision, source and version of the checkout.',
      z._default(z.record(z.string(), z.string()), {}),
    ),
    builder: z.described(
      'docker: a Docker Engine; layers: without one, no RUN; auto: docker where an engine answers.',
      z._default(z.enum(['auto', 'docker', 'layers']), 'auto'),
    ),
    credentials: z.described(
      'Name of a secret with username and password, or of type kubernetes.io/dockerconfigjson.',
      z.optional(text),
    ),
    platform: z.described('E.g. linux/amd64. Default: that of the engine.', z.optional(text)),
    cacheFrom: z.described('Images whose layers may be used as cache.', z._default(z.array(text), [])),
    docker: z.described(
      'Which engine. Default: as DOCKER_HOST says, or /var/run/docker.sock.',
      z.optional(docker),
    ),
  }),
};

/** What the image stage is asked. */
export type ImageInput = z.infer<z.ZodMiniObject<typeof imageFields>>;
