/**
 * Changes the code in small ways and looks whether a unit test notices (docs/testing.md):
 * `npm run test:mutation -- [SCOPE…]` with scopes of the table below (default: all of it), one after another, or
 * `npm run test:mutation -- --tests FOLDER,… FILE…` with files or folders of src, judged by tests of test/unit.
 * Properties are tried with TEST_CASES cases (default: the scope's).
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { defined } from '../src/base/defined.ts';
import { mutationScopes, type MutationScope } from './mutation/scopes.ts';
import { runCommand } from './run-command.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tests: { type: 'string' }, without: { type: 'string' } },
});
const [first] = positionals;
const chosen =
  first?.includes('/') === true
    ? [filesScope(positionals)]
    : (positionals.length === 0 ? Object.keys(mutationScopes) : positionals).map(namedScope);

for (const [name, scope] of chosen) {
  mkdirSync(join(root, '.cache/mutation'), { recursive: true });
  const { exitCode } = await runCommand(['stryker', 'run', '--mutate', scope.files.join(',')], {
    cwd: root,
    allowFailure: true,
    inherit: true,
    env: {
      ...env,
      MUTATION_SCOPE: name,
      MUTATION_TESTS: scope.tests.join(','),
      ...defined({ MUTATION_WITHOUT: scope.without }),
      TEST_CASES: env['TEST_CASES'] ?? String(scope.cases ?? 25),
    },
  });
  if (exitCode !== 0) process.exitCode = exitCode;
}

function namedScope(name: string): [string, MutationScope] {
  const scope = mutationScopes[name];
  if (scope === undefined) {
    throw new Error(
      `there is no scope "${name}": ${Object.keys(mutationScopes).join(', ')}, or paths of src`,
    );
  }
  return [name, scope];
}

function filesScope(paths: readonly string[]): [string, MutationScope] {
  const files = paths.map((given) => {
    const path = relative(root, resolve(given)).split(sep).join('/');
    if (!path.startsWith('src/')) throw new Error(`${given} is not in src`);
    return statSync(join(root, path)).isDirectory() ? `${path}/**/*.ts` : path;
  });
  const folders = new Set(files.map((file) => file.split('/')[1] ?? ''));
  const { tests, without } = values;
  return ['files', { files, tests: tests?.split(',') ?? [...folders], ...defined({ without }) }];
}
