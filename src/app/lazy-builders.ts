import type { Builder, Builders } from '../ports/builder.ts';

/** Builders that are loaded by the first stage that builds: loading them takes longer than the start of a run without. */
export function lazyBuilders(load: () => Promise<Builders>): Builders {
  return {
    docker: (address) => lazyBuilder('docker', async () => (await load()).docker(address)),
    layers: () => lazyBuilder('layers', async () => (await load()).layers()),
  };
}

function lazyBuilder(name: Builder['name'], load: () => Promise<Builder>): Builder {
  let loaded: Promise<Builder> | undefined;
  const builder = () => (loaded ??= load());
  return {
    name,
    unavailable: async (options) => (await builder()).unavailable(options),
    buildAndPush: async (request, options) => (await builder()).buildAndPush(request, options),
  };
}
