import { InputError } from '../../base/errors.ts';
import type { Agent } from '../../ports/agent.ts';
import type { Builder, Builders, EngineAddress, EngineCertificates } from '../../ports/builder.ts';
import type { SecretData } from '../../ports/secrets.ts';
import type { StageContext } from '../../ports/stage.ts';
import type { ImageInput } from './schema.ts';

type Image = ImageInput['image'];

/**
 * Takes the builder that the file asks for. `auto` takes Docker where an engine answers, else layers, and says so; an
 * engine that the file names is meant: there is nothing in its place.
 */
export async function chooseBuilder(
  builders: Builders,
  image: Image,
  context: StageContext & { workspace: Agent },
): Promise<Builder> {
  if (image.builder === 'layers') {
    if (image.docker === undefined) return builders.layers();
    throw new InputError('image.docker does not go with image.builder: layers, which uses no engine');
  }
  const docker = builders.docker(await engineAddress(image, context));
  if (image.builder === 'docker' || image.docker !== undefined) return docker;
  const why = await docker.unavailable({ signal: context.signal });
  const message =
    why === undefined
      ? 'image.builder auto: a Docker Engine answers, the image is built with it'
      : `image.builder auto: ${why}; the image is built by layers, which runs no commands`;
  await context.emit({ type: 'notice', stage: context.stage.name, level: 'info', message });
  return why === undefined ? docker : builders.layers();
}

async function engineAddress(
  { docker }: Image,
  context: StageContext & { workspace: Agent },
): Promise<EngineAddress> {
  if (docker === undefined) return { type: 'environment' };
  if ('sidecar' in docker) {
    return { type: 'sidecar', agent: context.workspace, service: docker.sidecar, port: docker.port };
  }
  const { host, certificates } = docker;
  if (certificates === undefined) return { type: 'host', host };
  const data = await context.secrets.read(certificates, { signal: context.signal });
  return { type: 'host', host, certificates: engineCertificates(certificates, data) };
}

function engineCertificates(name: string, data: SecretData): EngineCertificates {
  const ca = data.get('ca.pem') ?? data.get('ca.crt');
  const certificate = data.get('cert.pem') ?? data.get('tls.crt');
  const key = data.get('key.pem') ?? data.get('tls.key');
  if (ca === undefined && certificate === undefined) {
    throw new InputError(
      `the secret ${name} holds no certificates; its keys are: ${[...data.keys()].join(', ')}`,
      {
        hint: 'it needs ca.pem, cert.pem and key.pem, or ca.crt, tls.crt and tls.key',
      },
    );
  }
  return { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) };
}
