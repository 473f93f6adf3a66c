import { describe, expect, it } from '@jest/globals';
import { parseReference } from '../../../../src/sandbox/registry/reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image reference', () => {
  it.each([
    ['node:24', 'docker.io', 'library/node', '24', undefined],
    ['busybox', 'docker.io', 'library/busybox', 'latest', undefined],
    ['shop/web:1.0', 'docker.io', 'shop/web', '1.0', undefined],
    ['harbor.example.com/shop/web:1', 'harbor.example.com', 'shop/web', '1', undefined],
    ['127.0.0.1:5000/web', '127.0.0.1:5000', 'web', 'latest', undefined],
    ['localhost/a/b/c:x', 'localhost', 'a/b/c', 'x', undefined],
    [`harbor.example.com/shop/web@${digest}`, 'harbor.example.com', 'shop/web', 'latest', digest],
    [`shop/web:1@${digest}`, 'docker.io', 'shop/web', '1', digest],
  ])('%s has its parts', (text, ...parts) => {
    const [host, repository, tag, found] = parts;
    expect(parseReference(text)).toEqual({ host, repository, tag, digest: found });
  });

  it.each(['', 'UPPER', 'a//b', 'web:', 'web:bad tag', 'web@sha256:1', 'a@b@c', '-web', 'web/'])(
    '%j is none',
    (text) => {
      expect(parseReference(text)).toBeUndefined();
    },
  );
});
