import { defined } from '../../../../../src/base/defined.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import type { Connection } from '../../../../../src/adapters/kubernetes/client/connection.ts';
import { connect } from '../../../../../src/adapters/kubernetes/client/kube-config.ts';
import { connectPlainly } from '../../../../../src/adapters/kubernetes/client/plain-kube-config.ts';

let folder: string;
const opened: Connection[] = [];
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/slipway-kubeconfig-`);
});
afterEach(async () => {
  for (const connection of opened.splice(0)) await connection.close();
  rmSync(folder, { recursive: true });
});

function write(user: Record<string, unknown>, cluster: Record<string, unknown> = {}): string {
  const file = join(folder, 'config');
  const config = {
    'current-context': 'one',
    clusters: [
      { name: 'c', cluster: { server: 'https://api.example.com:6443/', ...cluster } },
      { name: 'other', cluster: { server: 'https://other.example.com', 'proxy-url': 'http://proxy:3128' } },
    ],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'team' } },
      { name: 'two', context: { cluster: 'other', user: 'u' } },
    ],
    users: [{ name: 'u', user }],
  };
  writeFileSync(file, stringify(config));
  return file;
}

const keep = <T extends Connection | undefined>(connection: T): T => {
  if (connection !== undefined) opened.push(connection);
  return connection;
};

describe('a kubeconfig', () => {
  it('with a token is read without client-node', async () => {
    const connection = keep(connectPlainly({ kubeconfig: write({ token: 'secret' }) }));

    expect(connection).toMatchObject({
      name: 'one',
      server: 'https://api.example.com:6443',
      namespace: 'team',
    });
    await expect(connection?.headers()).resolves.toEqual({ Authorization: 'Bearer secret' });
  });

  it('finds certificates beside itself, and in itself', async () => {
    writeFileSync(join(folder, 'ca.crt'), 'CA');
    const user = {
      'client-certificate-data': Buffer.from('CERT').toString('base64'),
      'client-key-data': 'S0VZ',
    };
    const kubeconfig = write(user, { 'certificate-authority': 'ca.crt', 'tls-server-name': 'kubernetes' });

    const connection = keep(connectPlainly({ kubeconfig }));

    await expect(connection?.socketOptions()).resolves.toMatchObject({
      ca: Buffer.from('CA'),
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      servername: 'kubernetes',
    });
  });

  it.each<[string, Record<string, unknown>, string | undefined]>([
    [
      'an exec plugin',
      { exec: { command: 'aws', apiVersion: 'client.authentication.k8s.io/v1' } },
      undefined,
    ],
    ['a password', { username: 'u', password: 'p' }, undefined],
    ['impersonation', { token: 't', as: 'root' }, undefined],
    ['a proxy', { token: 't' }, 'two'],
    ['a context that is not there', { token: 't' }, 'three'],
  ])('with %s is left to client-node', (_, user, context) => {
    const kubeconfig = write(user);

    expect(keep(connectPlainly({ kubeconfig, ...defined({ context }) }))).toBeUndefined();
  });

  it('is read alike by client-node', async () => {
    const kubeconfig = write({ username: 'u', password: 'p' });

    const connection = keep(await connect({ kubeconfig }));

    expect(connection).toMatchObject({
      name: 'one',
      server: 'https://api.example.com:6443',
      namespace: 'team',
    });
    await expect(connection.headers()).resolves.toEqual({ Authorization: `Basic ${btoa('u:p')}` });
  });

  it('that is no YAML, or names no context, is named, and nothing of it is quoted', async () => {
    const file = join(folder, 'config');
    writeFileSync(file, 'users: [\n  token: very-secret: x\n');
    const error = await connect({ kubeconfig: file }).catch((caught: unknown) => String(caught));
    expect(error).toContain(`the kubeconfig ${file} cannot be read: `);
    expect(error).not.toContain('very-secret');

    writeFileSync(file, 'just text\n');
    await expect(connect({ kubeconfig: file })).rejects.toMatchObject({
      message: expect.stringContaining(file),
    });
  });

  it('that is not there, or lacks the context, says so', async () => {
    await expect(connect({ kubeconfig: join(folder, 'none') })).rejects.toMatchObject({
      fault: 'input',
      message: expect.stringMatching(/cannot be read/),
    });
    const missing = connect({ kubeconfig: write({ token: 't' }), context: 'three' });
    await expect(missing).rejects.toMatchObject({
      message: expect.stringMatching(/no context "three"/),
      hint: 'it has: one, two',
    });
  });
});
