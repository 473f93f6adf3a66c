/** The import rules of docs/architecture.md: one way, checked by `npm run check:imports`. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  comment: `${from} may import ${allowed.join(', ')} only`,
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [from, ...allowed].map((folder) => `^src/${folder}/`) },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: ['^src/main\\.ts$', '\\.d\\.ts$'] },
      to: {},
    },
    only('base-is-the-ground', 'base', []),
    {
      name: 'base-uses-node-alone',
      severity: 'error',
      from: { path: '^src/base/', pathNot: '^src/base/zod\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'] },
    },
    {
      name: 'zod-comes-by-base',
      comment: 'two forms of zod would both be loaded',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/base/zod\\.ts$' },
      to: { path: 'node_modules/zod/' },
    },
    only('ports', 'ports', ['base']),
    only('spec', 'spec', ['base', 'ports']),
    only('plan', 'plan', ['base', 'ports', 'spec']),
    only('engine', 'engine', ['base', 'ports', 'spec', 'plan']),
    only('strategies', 'strategies', ['base', 'ports']),
    only('stages', 'stages', ['base', 'ports', 'strategies']),
    {
      name: 'stages-do-not-import-each-other',
      severity: 'error',
      from: { path: '^src/stages/([^/]+)/' },
      to: { path: '^src/stages/', pathNot: '^src/stages/$1/' },
    },
    only('adapters', 'adapters', ['base', 'ports']),
    {
      name: 'adapters-do-not-import-each-other',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^src/adapters/', pathNot: '^src/adapters/$1/' },
    },
    only('sandbox', 'sandbox', ['base']),
    only('app', 'app', [
      'base',
      'ports',
      'spec',
      'plan',
      'engine',
      'stages',
      'strategies',
      'adapters',
      'sandbox',
    ]),
    only('cli', 'cli', ['base', 'ports', 'app']),
    {
      name: 'clients-live-in-their-adapter',
      severity: 'error',
      from: { path: '^src/(?!adapters/|sandbox/)' },
      to: {
        path: 'node_modules/(@kubernetes/client-node|dockerode|simple-git|undici|ws|tar-fs|tar-stream)/',
      },
    },
    {
      name: 'pure-code-has-no-node-api',
      severity: 'error',
      from: { path: '^src/(strategies|plan)/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'default'], exportsFields: ['exports'] },
  },
};
