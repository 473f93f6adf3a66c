import type { webcrypto } from 'node:crypto';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Keys and certificates of one sandbox, PEM. */
export interface Credentials {
  caCertificate: string;
  serverCertificate: string;
  serverKey: string;
  clientCertificate: string;
  clientKey: string;
  /** Signs the tokens of service accounts. */
  tokenSecret: string;
}

const yearMs = 365 * 24 * 3600 * 1000;
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Makes a CA, a server certificate for this machine's loopback names and a client certificate. */
async function generate(): Promise<Credentials> {
  // The library takes part only here, once in a sandbox's life, so it is not loaded at every start.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const makeKeys = (): Promise<webcrypto.CryptoKeyPair> =>
    crypto.subtle.generateKey(ecdsa, true, ['sign', 'verify']);
  const [caKeys, serverKeys, clientKeys] = [await makeKeys(), await makeKeys(), await makeKeys()];
  const period = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 10 * yearMs) };
  const common = { ...period, signingAlgorithm: ecdsa };
  const usages = x509.KeyUsageFlags;
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: 'CN=slipway-sandbox-ca',
    keys: caKeys,
    serialNumber: '01',
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(usages.keyCertSign | usages.cRLSign, true),
    ],
  });
  const issue = async (
    subject: string,
    { publicKey }: webcrypto.CryptoKeyPair,
    serialNumber: string,
    extensions: InstanceType<typeof x509.Extension>[],
  ): Promise<string> => {
    const own = { subject, publicKey, serialNumber };
    const usage = new x509.KeyUsagesExtension(usages.digitalSignature | usages.keyEncipherment, true);
    const by = { issuer: authority.subject, signingKey: caKeys.privateKey };
    const request = { ...common, ...own, ...by, extensions: [usage, ...extensions] };
    return (await x509.X509CertificateGenerator.create(request)).toString('pem');
  };
  const exportKey = async (keys: webcrypto.CryptoKeyPair): Promise<string> =>
    pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    caCertificate: authority.toString('pem'),
    serverCertificate: await issue('CN=slipway-sandbox', serverKeys, '02', [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'dns', value: 'kubernetes.default.svc' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
    ]),
    serverKey: await exportKey(serverKeys),
    clientCertificate: await issue('O=system:masters, CN=system:admin', clientKeys, '03', [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]),
    clientKey: await exportKey(clientKeys),
    tokenSecret: randomBytes(32).toString('hex'),
  };
}

/** The credentials in `folder`, made when they are not there; readable by this user alone. */
export async function loadCredentials(folder: string): Promise<Credentials> {
  const path = join(folder, 'credentials.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Credentials;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const credentials = await generate();
  writeFileSync(`${path}.new`, JSON.stringify(credentials), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return credentials;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (secret: string, content: string): Buffer =>
  createHmac('sha256', secret).update(content).digest();

/** A token (JWT, HS256) for `user`, e.g. `system:serviceaccount:default:builder`. */
export function signToken(
  secret: string,
  user: string,
  expiresAt: Date,
  audiences: readonly string[],
): string {
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({
    iss: 'https://kubernetes.default.svc',
    sub: user,
    aud: audiences,
    iat: Math.floor(Date.now() / 1000),
    exp: Math.floor(expiresAt.getTime() / 1000),
  })}`;
  return `${content}.${sign(secret, content).toString('base64url')}`;
}

/** The user of a token of {@link signToken}; undefined when it is not one or has expired. */
export function verifyToken(secret: string, token: string): string | undefined {
  const [header, payload, signature] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined) return undefined;
  const given = Buffer.from(signature, 'base64url');
  const right = sign(secret, `${header}.${payload}`);
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  const { sub, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
    sub: string;
    exp: number;
  };
  return exp * 1000 > Date.now() ? sub : undefined;
}

/** A kubeconfig with one context, for kubectl and every client library. */
export function kubeconfigOf(credentials: Credentials, server: string): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return `apiVersion: v1
kind: Config
current-context: slipway-sandbox
clusters:
  - name: slipway-sandbox
    cluster:
      server: ${server}
      certificate-authority-data: ${base64(credentials.caCertificate)}
contexts:
  - name: slipway-sandbox
    context: { cluster: slipway-sandbox, user: slipway-sandbox, namespace: default }
users:
  - name: slipway-sandbox
    user:
      client-certificate-data: ${base64(credentials.clientCertificate)}
      client-key-data: ${base64(credentials.clientKey)}
`;
}
