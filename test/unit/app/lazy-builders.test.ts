import { describe, expect, it } from '@jest/globals';
import { lazyBuilders } from '../../../src/app/lazy-builders.ts';
import type { Builder, BuildRequest, BuiltImage } from '../../../src/ports/builder.ts';

const signal = new AbortController().signal;

describe('builders that are loaded by the first stage that builds', () => {
  it('are not loaded by being made, and then once', async () => {
    const asked: string[] = [];
    const builder: Builder = {
      name: 'docker',
      unavailable: () => Promise.resolve('no engine'),
      buildAndPush: (request) => Promise.resolve(request as unknown as BuiltImage),
    };
    const builders = lazyBuilders(async () => ({
      docker: (address) => {
        asked.push(address.type);
        return builder;
      },
      layers: () => builder,
    }));
    const docker = builders.docker({ type: 'environment' });
    const before = [...asked];
    const request = {} as BuildRequest;

    await expect(docker.unavailable({ signal })).resolves.toBe('no engine');
    await expect(docker.buildAndPush(request, { signal, onProgress: () => undefined })).resolves.toBe(
      request,
    );

    expect([docker.name, before, asked]).toEqual(['docker', [], ['environment']]);
  });
});
