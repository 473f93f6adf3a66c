#!/usr/bin/env node
// Nothing is imported before the check: the libraries fail on an older Node with errors that do not help.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `pipeline needs Node.js 22.19 or newer; this is ${process.version}. Install a newer Node.js.\n`,
  );
  process.exitCode = 2;
} else {
  const { enableCompileCache } = await import('node:module');
  const { tmpdir } = await import('node:os');
  const { compileCacheFolder } = await import('./base/files/compile-cache-folder.ts');
  const folder = await compileCacheFolder(tmpdir());
  if (folder !== undefined) enableCompileCache(folder);
  const { runCli } = await import('./cli/cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
}

export {};
