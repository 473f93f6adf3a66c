import { describeExample } from '../../support/describe-example.ts';

describeExample({
  name: 'node-service',
  versionFile: 'package.json',
  tests: 11,
  fault: {
    edits: [
      {
        file: 'src/main.js',
        from: 'const config = readConfig(process.env);',
        to: "const config = readConfig(process.env);\nif (!process.env.DATABASE) throw new Error('DATABASE is not set');",
      },
    ],
  },
});
