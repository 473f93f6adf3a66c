import * as z from 'zod';

const text = z.string().min(1);

const docker = z.union([
  z.strictObject({
    host: text.describe('Address of the engine: unix:///path or tcp://host:2376.'),
    certificates: text
      .optional()
      .describe('Name of a secret with ca.pem, cert.pem and key.pem (or ca.crt, tls.crt, tls.key).'),
  }),
  z.strictObject({
    sidecar: text.describe('Name of the service of the agent that runs the engine.'),
    port: z.number().int().min(1).max(65_535).default(2375).describe('Its port in the pod, without TLS.'),
  }),
]);

/** `image:` of a stage. */
export const imageFields = {
  image: z.strictObject({
    repository: text.describe('Name with registry, e.g. harbor.example.com/shop/web.'),
    tags: z.array(text).min(1).default(['latest']).describe('All of them are pushed.'),
    context: text.default('.').describe('Folder of the build context, relative to the working folder.'),
    dockerfile: text.default('Dockerfile').describe('Relative to the context.'),
    target: text.optional().describe('Stage of the Dockerfile to build.'),
    args: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe('Build arguments. They are seen in the image’s history: no place for secrets.'),
    labels: z
      .record(z.string(), z.string())
      .default({})
      .describe('Labels of the image, besides revision, source and version of the checkout.'),
    builder: z
      .enum(['auto', 'docker', 'layers'])
      .default('auto')
      .describe(
        'docker: a Docker Engine; layers: without one, no RUN; auto: docker where an engine answers.',
      ),
    credentials: text
      .optional()
      .describe('Name of a secret with username and password, or of type kubernetes.io/dockerconfigjson.'),
    platform: text.optional().describe('E.g. linux/amd64. Default: that of the engine.'),
    cacheFrom: z.array(text).default([]).describe('Images whose layers may be used as cache.'),
    docker: docker
      .optional()
      .describe('Which engine. Default: as DOCKER_HOST says, or /var/run/docker.sock.'),
  }),
};

/** What the image stage is asked. */
export type ImageInput = z.infer<z.ZodObject<typeof imageFields>>;
