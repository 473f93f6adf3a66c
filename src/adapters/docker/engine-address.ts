import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import { BuilderUnavailableError, type EngineAddress, type EngineCertificates } from '../../ports/builder.ts';

/** What of the runner's environment names an engine; `process.env` fits. */
export type EngineEnvironment = Readonly<Record<string, string | undefined>>;

/** Where to connect to. */
export type Endpoint =
  | { type: 'socket'; path: string }
  | { type: 'tcp'; host: string; port: number; tls: boolean; certificates: EngineCertificates };

/**
 * Finds where the engine answers: the address given, or DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH as the
 * Docker CLI reads them, or the usual socket.
 * @throws InputError when the address is not one; BuilderUnavailableError when the certificates cannot be read
 */
export async function findEndpoint(
  address: Exclude<EngineAddress, { type: 'sidecar' }>,
  environment: EngineEnvironment,
): Promise<Endpoint> {
  if (address.type === 'host') return parseHost(address.host, address.certificates);
  const host = environment['DOCKER_HOST'];
  if (host === undefined || host === '') return { type: 'socket', path: '/var/run/docker.sock' };
  const verify = (environment['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const folder = environment['DOCKER_CERT_PATH'];
  return parseHost(host, verify ? await readCertificates(folder) : undefined);
}

/**
 * Reads `unix:///path`, `tcp://host:port`, `http://…`, `https://…`. TLS is spoken when certificates are given, for
 * `https`, and on port 2376, as Docker's convention is.
 */
export function parseHost(host: string, certificates?: EngineCertificates): Endpoint {
  if (host.startsWith('unix://')) return { type: 'socket', path: host.slice('unix://'.length) };
  const url = URL.parse(host.includes('://') ? host : `tcp://${host}`);
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new InputError(`"${host}" is not the address of a Docker Engine`, {
      hint: 'write it like unix:///var/run/docker.sock or tcp://host:2376',
    });
  }
  const tls = certificates !== undefined || url.protocol === 'https:' || url.port === '2376';
  const port = url.port === '' ? (tls ? 2376 : 2375) : Number(url.port);
  return { type: 'tcp', host: url.hostname, port, tls, certificates: certificates ?? {} };
}

async function readCertificates(folder: string | undefined): Promise<EngineCertificates> {
  if (folder === undefined) return {};
  try {
    const [ca, certificate, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(folder, name))),
    );
    return { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) };
  } catch (error) {
    throw new BuilderUnavailableError(`cannot read the Docker certificates in ${folder}`, {
      hint: 'DOCKER_CERT_PATH must hold ca.pem, cert.pem and key.pem',
      cause: error,
    });
  }
}
