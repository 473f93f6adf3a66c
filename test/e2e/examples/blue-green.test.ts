import { describeExample } from '../../support/describe-example.ts';

describeExample({
  name: 'blue-green',
  versionFile: 'VERSION',
  tests: 2,
  fault: {
    edits: [
      {
        file: 'server.js',
        from: 'const server =',
        to: "if (version.startsWith('3')) throw new Error('no database');\nconst server =",
      },
    ],
  },
});
