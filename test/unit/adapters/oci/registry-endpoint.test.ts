import { describe, expect, it } from '@jest/globals';
import { endpointOf } from '../../../../src/adapters/oci/registry-endpoint.ts';

describe('where a registry answers', () => {
  it.each([
    ['harbor.example.com', 'https://harbor.example.com'],
    ['harbor.example.com:8443', 'https://harbor.example.com:8443'],
    ['docker.io', 'https://registry-1.docker.io'],
    ['localhost:5000', 'http://localhost:5000'],
    ['127.0.0.1:5000', 'http://127.0.0.1:5000'],
    ['127.8.9.1', 'http://127.8.9.1'],
    ['[::1]:5000', 'http://[::1]:5000'],
    ['127.0.0.1.example.com', 'https://127.0.0.1.example.com'],
  ])('%s answers at %s', (host, url) => {
    expect(endpointOf(host, undefined).url).toBe(url);
  });

  it('is what the mirror map says', () => {
    const resolve = (host: string) => (host === 'docker.io' ? { url: 'http://127.0.0.1:9' } : undefined);

    expect(endpointOf('docker.io', resolve).url).toBe('http://127.0.0.1:9');
    expect(endpointOf('ghcr.io', resolve).url).toBe('https://ghcr.io');
  });
});
