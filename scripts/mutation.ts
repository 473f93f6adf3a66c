/**
 * Changes the code in small ways and looks whether a unit test notices: `npm run test:mutation -- [SCOPE…]`, where a
 * scope is a folder or a file of src (default: all of the core). A scope in src/FOLDER is judged by the tests in
 * test/unit/FOLDER; `--tests FOLDER,…` names others. Properties are tried with TEST_CASES cases (default 25).
 */
import { statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCommand } from './run-command.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const core = ['base', 'plan', 'strategies', 'release', 'kubernetes', 'engine'].map((name) => `src/${name}`);

const { values, positionals } = parseArgs({ allowPositionals: true, options: { tests: { type: 'string' } } });
const scopes = (positionals.length === 0 ? core : positionals).map((scope) => {
  const path = relative(root, resolve(scope)).split(sep).join('/');
  if (!path.startsWith('src/')) throw new Error(`${scope} is not in src`);
  return statSync(join(root, path)).isDirectory() ? `${path}/**/*.ts` : path;
});
const folders = [...new Set(scopes.map((scope) => scope.split('/')[1] ?? ''))];

const { exitCode } = await runCommand(['stryker', 'run', '--mutate', scopes.join(',')], {
  cwd: root,
  allowFailure: true,
  inherit: true,
  env: {
    ...process.env,
    MUTATION_TESTS: values.tests ?? folders.join(','),
    TEST_CASES: process.env['TEST_CASES'] ?? '25',
  },
});
process.exitCode = exitCode;
