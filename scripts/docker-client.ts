import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Plugin } from 'esbuild';
import protobuf from 'protobufjs';

const protoFile = 'node_modules/dockerode/lib/proto/auth.proto';

/**
 * Takes dockerode into the bundle, without its parts for SSH and for reading BuildKit's trace, which nothing here uses:
 * so ssh2, cpu-features and protobufjs, which run scripts when they are installed, stay out of production. The BuildKit
 * session reads its protocol from a file beside it; in a bundle it stands in the code.
 */
export const dockerClient: Plugin = {
  name: 'docker-client',
  setup(bundle) {
    bundle.onLoad({ filter: /\/docker-modem\/lib\/ssh\.js$/ }, () => refusal('ssh:// is not supported'));
    bundle.onLoad({ filter: /\/dockerode\/lib\/buildkit\.js$/ }, () => refusal('not in this bundle'));
    bundle.onLoad({ filter: /\/dockerode\/lib\/session\.js$/ }, async ({ path: file }) => {
      const code = await readFile(file, 'utf8');
      const reading = /protoLoader\.loadSync\([^;]*"auth\.proto"\)\s*\)/;
      if (!reading.test(code)) throw new Error(`${file} no longer reads ${path.basename(protoFile)}`);
      const protocol = JSON.stringify(protobuf.loadSync(protoFile).toJSON());
      return { contents: code.replace(reading, () => `protoLoader.fromJSON(${protocol})`) };
    });
  },
};

function refusal(message: string) {
  return { contents: `module.exports = () => { throw new Error(${JSON.stringify(message)}); };` };
}
