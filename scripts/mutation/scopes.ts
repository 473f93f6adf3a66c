/** Files that are changed together, and the tests that judge them. */
export interface MutationScope {
  /** As Stryker's `--mutate`. */
  readonly files: readonly string[];
  /** Folders and files of test/unit, tried in this order: a mutant is cheap when a fast test kills it. */
  readonly tests: readonly string[];
  /** Tests that are left out by their names, as a regular expression: those that are too slow for each mutant. */
  readonly without?: string;
  /** Cases of each property; default 25. */
  readonly cases?: number;
}

const masking = [
  'src/base/mask.ts',
  'src/base/secret-forms.ts',
  'src/base/secret-parts.ts',
  'src/base/joined-lines.ts',
  'src/base/pattern-automaton.ts',
  'src/base/pattern-set.ts',
];

/** Properties come last: examples with fixed values kill most. */
const maskingTests = [
  'base/secret-parts.test.ts',
  'base/joined-lines.test.ts',
  'base/pattern-automaton.test.ts',
  'base/secret-forms.test.ts',
  'base/pattern-set.test.ts',
  'base/mask.test.ts',
  'base/mask-encodings.test.ts',
];

/** Tests of parts come first; whole releases follow, without those that take seconds for each mutant. */
const releaseTests = [
  ...['answer', 'answered-time', 'patient-cluster', 'release-lease', 'return-to', 'status'],
  ...['session', 'session-record', 'reconcile', 'reconcile-ends', 'left-release', 'held-release'],
  ...['earlier-revisions', 'slow-renewals', 'job-release', 'resumed-release', 'release'],
  ...['waiting-release', 'canary-answers', 'switched-strategy', 'blue-green'],
].map((name) => `release/${name}.test.ts`);

/** By name, the fast ones first. */
export const mutationScopes: Readonly<Record<string, MutationScope>> = {
  dockerignore: {
    files: ['src/adapters/build-context/dockerignore.ts'],
    tests: ['adapters/build-context/dockerignore.test.ts'],
  },
  plan: { files: ['src/plan/**/*.ts'], tests: ['plan'] },
  kubernetes: { files: ['src/kubernetes/**/*.ts'], tests: ['kubernetes'] },
  base: {
    files: ['src/base/**/*.ts', ...masking.map((file) => `!${file}`)],
    tests: ['base'],
    without: `^test/unit/(?:${maskingTests.join('|')})`,
    cases: 100,
  },
  analysis: { files: ['src/analysis/**/*.ts'], tests: ['analysis', 'stages/deploy/analyses.test.ts'] },
  probes: {
    files: ['src/probes/**/*.ts'],
    tests: ['probes', 'stages/verify'],
    without: 'for ever|endless|too large',
  },
  strategies: { files: ['src/strategies/**/*.ts'], tests: ['strategies'] },
  routers: {
    files: [
      'src/strategies/canary-by-router/**/*.ts',
      'src/strategies/pinned/**/*.ts',
      'src/kubernetes/http-route.ts',
      'src/kubernetes/canary-ingress.ts',
    ],
    tests: [
      'strategies/canary-by-router',
      'strategies/blue-green',
      'kubernetes/http-route.test.ts',
      'kubernetes/canary-ingress.test.ts',
    ],
  },
  masking: {
    files: masking,
    tests: maskingTests,
    without: '16,000 lines|1 MiB|looks at a few things|large|a private key',
    cases: 2,
  },
  'release-record': {
    files: ['src/release/record/**/*.ts'],
    tests: ['release/record'],
    without: '10 MiB',
  },
  'release-observe': {
    files: ['src/release/observe/**/*.ts'],
    tests: ['release/observe', 'release/job-release.test.ts', 'release/traffic-shares.test.ts'],
  },
  'release-act': { files: ['src/release/act/**/*.ts'], tests: ['release/act'] },
  release: { files: ['src/release/*.ts'], tests: releaseTests },
  engine: {
    files: ['src/engine/**/*.ts'],
    tests: ['engine'],
    without: '^test/unit/engine/properties\\.test',
  },
};
