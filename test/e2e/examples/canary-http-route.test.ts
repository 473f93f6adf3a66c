import { describeExample } from '../../support/describe-example.ts';

describeExample({
  name: 'canary-http-route',
  application: 'routed',
  routed: { file: 'k8s/http-route.yaml', host: 'routed.example.com' },
  versionFile: 'VERSION',
  tests: 2,
  isPromoted: true,
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
