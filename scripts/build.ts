import { rm } from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { dockerClient } from './docker-client.ts';

/** The names of undici that src imports, as its own index.js makes them. */
const undiciParts = `
import Dispatcher from './lib/dispatcher/dispatcher.js';
import api from './lib/api/index.js';
import { getGlobalDispatcher } from './lib/global.js';
export { default as Agent } from './lib/dispatcher/agent.js';
export { default as ProxyAgent } from './lib/dispatcher/proxy-agent.js';
export { default as EnvHttpProxyAgent } from './lib/dispatcher/env-http-proxy-agent.js';
Object.assign(Dispatcher.prototype, api);
export function request(url, { dispatcher = getGlobalDispatcher(), ...options }) {
  const { origin, pathname, search } = new URL(url);
  return api.request.call(dispatcher, { ...options, origin, path: pathname + search });
}
`;

/** Keeps work that few commands need out of the start of all: seen by measuring (bench/cli-start.ts). */
const lazyLibraries: Plugin = {
  name: 'lazy-libraries',
  setup(bundle) {
    // zod brings its messages in fifty languages; ours are English.
    bundle.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
    // undici brings fetch, WebSocket, caches and mocks; our code takes its pools and requests alone. What else uses it
    // (the Kubernetes client's part, loaded when a kubeconfig asks for it) gets it whole; the parts are shared.
    bundle.onResolve({ filter: /^undici$/ }, ({ importer }) =>
      importer.startsWith(path.resolve('src')) ? { path: 'undici', namespace: 'parts' } : undefined,
    );
    bundle.onLoad({ filter: /^undici$/, namespace: 'parts' }, () => ({
      contents: undiciParts,
      resolveDir: path.resolve('node_modules/undici'),
    }));
    // yargs measures its help by the character, which loads tables of all emoji; what lays out the run view keeps that.
    bundle.onResolve({ filter: /^string-width$/ }, ({ importer }) =>
      /\/node_modules\/(?:yargs|cliui)\//.test(importer)
        ? { path: path.resolve('src/cli/text-width.ts') }
        : undefined,
    );
  },
};

/**
 * Bundles the CLI into dist/: one file a command's own code, shared parts apart. A bundle starts several times faster
 * than hundreds of small modules, which is most of what `pipeline validate` costs (docs/performance.md).
 */
await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/main.ts', 'src/sandbox/start.ts', 'src/sandbox/network/relay.ts'],
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  // x509 does not survive bundling; it is loaded only when it is needed.
  external: ['@peculiar/x509', 'reflect-metadata'],
  // Its Node build is CommonJS, of which a bundle can neither leave parts out nor import names late.
  alias: { yaml: './node_modules/yaml/browser/index.js' },
  format: 'esm',
  platform: 'node',
  target: 'node22',
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  // CommonJS libraries inside an ES module bundle still call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  plugins: [lazyLibraries, dockerClient],
  logLevel: 'warning',
});
