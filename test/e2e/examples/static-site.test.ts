import { describeExample } from '../../support/describe-example.ts';

describeExample({
  name: 'static-site',
  versionFile: 'VERSION',
  tests: 9,
  fault: { edits: [{ file: 'nginx.conf', from: 'daemon off;', to: 'daemon off;\nno_such_directive on;' }] },
});
