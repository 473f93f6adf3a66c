import { generateKeyPairSync, randomBytes } from 'node:crypto';

import { Masker, MaskedStream } from '../src/base/mask.ts';
import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';

const chunkBytes = 64 * 1024;
const logBytes = 16 * 1024 * 1024;

/** Processor time for taking the secrets out of 16 MiB of ordinary log lines, in chunks of 64 KiB. */
export function masking(_bench: Bench): Figures<'token' | 'several'>[] {
  const token = Buffer.from(`glpat-${randomBytes(15).toString('hex')}`);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const login = { username: 'robot', password: "it's p&ss <w>ord/äö 42" };
  const docker = Buffer.from(JSON.stringify({ auths: { 'registry.example.com': login } }));
  const log = ordinaryLog();
  return [
    {
      name: 'masking',
      rounds: 5,
      warmUp: true,
      parts: {
        token: { label: '16 MiB of log, one token', unit: 'ms' },
        several: { label: '16 MiB of log, a token, a key, a dockerconfigjson', unit: 'ms' },
      },
      take: () =>
        Promise.resolve({ token: [cpuMs(log, [token])], several: [cpuMs(log, [token, key, docker])] }),
    },
  ];
}

function cpuMs(log: Buffer, secrets: readonly Buffer[]): number {
  const masker = new Masker();
  for (const secret of secrets) masker.add(secret);
  const stream = new MaskedStream(masker);
  const before = process.cpuUsage();
  for (let at = 0; at < log.length; at += chunkBytes) stream.push(log.subarray(at, at + chunkBytes));
  stream.end();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function ordinaryLog(): Buffer {
  const lines: string[] = [];
  for (let bytes = 0, n = 0; bytes < logBytes; n += 1) {
    const line = `2026-11-29T02:12:10Z INFO [worker-${n % 7}] batch ${n} path=/srv/${(n * 7919).toString(36)}/index.js {"ms":${n % 97},"user":"u${n}"}\n`;
    lines.push(line);
    bytes += line.length;
  }
  return Buffer.from(lines.join(''));
}
