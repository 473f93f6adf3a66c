import { describeExample } from '../../support/describe-example.ts';

describeExample({
  name: 'quickstart',
  versionFile: 'package.json',
  tests: 5,
  fault: { parameters: ['fault=crash'] },
});
