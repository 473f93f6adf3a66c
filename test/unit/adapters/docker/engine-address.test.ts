import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEndpoint, parseHost } from '../../../../src/adapters/docker/engine-address.ts';

const tcp = (host: string, port: number, tls: boolean) => ({
  type: 'tcp',
  host,
  port,
  tls,
  certificates: {},
});

describe('the address of an engine', () => {
  it.each([
    ['unix:///run/docker.sock', { type: 'socket', path: '/run/docker.sock' }],
    ['tcp://docker:2375', tcp('docker', 2375, false)],
    ['tcp://docker', tcp('docker', 2375, false)],
    ['docker:2376', tcp('docker', 2376, true)],
    ['https://docker', tcp('docker', 2376, true)],
  ])('%s', (host, expected) => {
    expect(parseHost(host)).toEqual(expected);
  });

  it('speaks TLS where certificates are given', () => {
    const certificates = { ca: Buffer.from('CA') };

    expect(parseHost('tcp://docker:1234', certificates)).toMatchObject({ tls: true, certificates });
  });

  it.each(['ssh://docker', 'tcp://', 'ftp://x', 'tcp://a b'])('refuses %s', (host) => {
    expect(() => parseHost(host)).toThrow(/is not the address of a Docker Engine/);
  });
});

describe('the engine that the environment names', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'certificates-'));
    for (const name of ['ca.pem', 'cert.pem', 'key.pem']) await writeFile(join(folder, name), name);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is the usual socket when it names none', async () => {
    expect(await findEndpoint({ type: 'environment' }, {})).toEqual({
      type: 'socket',
      path: '/var/run/docker.sock',
    });
  });

  it('is that of DOCKER_HOST, with the certificates of DOCKER_CERT_PATH where it is to be verified', async () => {
    const environment = {
      DOCKER_HOST: 'tcp://docker:2376',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: folder,
    };

    expect(await findEndpoint({ type: 'environment' }, environment)).toMatchObject({
      host: 'docker',
      tls: true,
      certificates: {
        ca: Buffer.from('ca.pem'),
        certificate: Buffer.from('cert.pem'),
        key: Buffer.from('key.pem'),
      },
    });
  });

  it('is not asked for when the file gives an address', async () => {
    const address = { type: 'host', host: 'tcp://other:2375' } as const;

    expect(await findEndpoint(address, { DOCKER_HOST: 'tcp://docker:2376' })).toMatchObject({
      host: 'other',
    });
  });

  it('says which folder has no certificates', async () => {
    const environment = {
      DOCKER_HOST: 'tcp://docker:2376',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: '/nowhere',
    };

    await expect(findEndpoint({ type: 'environment' }, environment)).rejects.toThrow(
      /certificates in \/nowhere/,
    );
  });
});
