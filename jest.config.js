/** Jest runs TypeScript as ES modules: swc strips the types, tsc checks them in a step of its own. */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  // Mutation testing keeps copies of this tree there.
  modulePathIgnorePatterns: ['<rootDir>/.cache/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};

/** A project a kind of test: `npm test` runs all but e2e, which needs a cluster to be named. */
const project = (name, more = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  ...more,
});

export default {
  projects: [
    project('unit'),
    project('contract'),
    project('scenarios'),
    project('integration'),
    project('security'),
    project('chaos'),
    project('conformance', {
      globalSetup: '<rootDir>/test/conformance/global-setup.ts',
      globalTeardown: '<rootDir>/test/conformance/global-teardown.ts',
    }),
    project('e2e'),
  ],
  testTimeout: 30_000,
  // Jest leaves one processor free for its watch mode, which on a machine of two is half of it.
  maxWorkers: '100%',
};
