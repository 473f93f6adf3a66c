import { describe, expect, it } from '@jest/globals';
import { parseImageReference, repositoryName, versionOf } from '../../../src/base/image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image reference', () => {
  it.each([
    ['node:24', 'docker.io/library/node', '24'],
    ['node', 'docker.io/library/node', 'latest'],
    ['library/node', 'docker.io/library/node', 'latest'],
    ['index.docker.io/node', 'docker.io/library/node', 'latest'],
    ['shop/web:1', 'docker.io/shop/web', '1'],
    ['localhosts', 'docker.io/library/localhosts', 'latest'],
    ['localhost/web', 'localhost/web', 'latest'],
    ['127.0.0.1:5000/shop/web:1.2', '127.0.0.1:5000/shop/web', '1.2'],
    ['harbor.example.com/a/b/c', 'harbor.example.com/a/b/c', 'latest'],
    [`harbor.example.com/a/b@${digest}`, 'harbor.example.com/a/b', digest],
    [`harbor.example.com:8443/a/b:1@${digest}`, 'harbor.example.com:8443/a/b', digest],
    ['a.b/c__d/e-f.g:V_1.0-x', 'a.b/c__d/e-f.g', 'V_1.0-x'],
  ])('%s is %s, version %s', (text, name, version) => {
    const reference = parseImageReference(text);

    expect(repositoryName(reference)).toBe(name);
    expect(versionOf(reference)).toBe(version);
  });

  it.each([
    '',
    'Node',
    'a//b',
    'a/b:',
    'a/b:tag:tag',
    'a/b@sha256:short',
    `a@${digest}@${digest}`,
    'a/-b',
    'a b',
    '../x',
    'a/b:-x',
  ])('refuses "%s"', (text) => {
    expect(() => parseImageReference(text)).toThrow(/is not an image reference/);
  });
});
