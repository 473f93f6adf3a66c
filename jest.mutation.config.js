import { env } from 'node:process';
import config from './jest.config.js';

/**
 * The tests that mutation testing runs: Stryker knows no projects, so that the unit project is the configuration here.
 * MUTATION_TESTS names folders of test/unit, separated by commas; without it they are all.
 */
const { displayName: _displayName, ...unit } = config.projects[0];
const folders = (env.MUTATION_TESTS ?? '').split(',').filter((folder) => folder !== '');

export default {
  ...unit,
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testTimeout: config.testTimeout,
  ...(folders.length === 0
    ? {}
    : { testMatch: folders.map((folder) => `<rootDir>/test/unit/${folder}/**/*.test.ts`) }),
};
