import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const dialect = [
  {
    selector: "ImportDeclaration[source.value='zod'] > ImportSpecifier[imported.name='z']",
    message: "write import * as z from 'zod': of the object z a bundle can leave nothing out",
  },
  {
    selector: ":matches(PropertyDefinition, MethodDefinition[kind!='constructor'])[accessibility='private']",
    message: 'write #name: private at run time, too',
  },
  {
    selector: 'VariableDeclarator > Identifier.id[name=/^[A-Z][A-Z0-9]+(_[A-Z0-9]+)*$/]',
    message: 'constants are in camelCase',
  },
  {
    selector:
      "SpreadElement > ConditionalExpression[test.operator='==='][test.left.type='Identifier'][test.right.type='Identifier'][test.right.name='undefined'][consequent.properties.length=0][alternate.properties.length=1][alternate.properties.0.shorthand=true]",
    message: 'write ...defined({ name }) (base/defined.ts)',
  },
  {
    selector: "PropertyDefinition[key.name='code'] > Literal[value=/[^a-z0-9-]/]",
    message: 'error codes are in kebab-case',
  },
  {
    selector:
      'CallExpression[callee.property.name=/^(toMatchObject|objectContaining)$/] :matches(Property, ArrayExpression) > Literal[regex]',
    message: 'Jest matches every value with it: write expect.stringMatching(/…/)',
  },
];

/** In tests, patterns and what they search are our own. */
const foreignPatterns = {
  selector: ":matches(NewExpression, CallExpression)[callee.name='RegExp'][arguments.0.type!='Literal']",
  message:
    'a pattern of others can take endlessly long: use base/pattern.ts or base/glob.ts, or say by a comment that it is made of constants',
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'examples/', '.cache/', '.dependency-cruiser.cjs'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-console': 'error',
      'max-depth': ['error', 4],
      'max-params': ['error', 4],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60 }],
      complexity: ['error', { max: 15, variant: 'modified' }],
      'no-restricted-syntax': ['error', ...dialect, foreignPatterns],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
    },
  },
  {
    files: [
      'src/strategies/**/*.ts',
      'src/analysis/**/*.ts',
      'src/kubernetes/**/*.ts',
      'src/release/**/*.ts',
      'src/expressions/**/*.ts',
      'src/plan/**/*.ts',
    ],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*'], message: 'the core uses no Node API: it is given ports' }] },
      ],
    },
  },
  {
    // They decide and read; what waits, and what can be aborted, is in release and engine.
    files: ['src/strategies/**/*.ts', 'src/analysis/**/*.ts', 'src/kubernetes/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'AbortController',
          'AbortSignal',
          'Date',
          'performance',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'fetch',
          'process',
        ].map((name) => ({ name, message: 'strategies, analysis and kubernetes are pure' })),
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...dialect],
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      'no-console': ['error', { allow: ['log', 'error'] }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    // These cases look at what comes over the wire, before anyone has given it a type.
    files: ['test/conformance/**/*.ts', 'test/integration/sandbox-custom-objects.test.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      'max-params': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
