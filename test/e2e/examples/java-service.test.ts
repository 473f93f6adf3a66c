import { describeExample } from '../../support/describe-example.ts';
import { e2eEnvironment } from '../../support/e2e-environment.ts';

describeExample({
  name: 'java-service',
  versionFile: 'pom.xml',
  tests: 5,
  parameters: [`mavenArguments=${e2eEnvironment().mavenArguments}`],
  fault: {
    edits: [
      {
        file: 'src/main/java/dev/slipway/examples/rates/Main.java',
        from: 'service.start();',
        to: 'if (version.startsWith("3")) throw new IllegalStateException("no database");\n        service.start();',
      },
    ],
  },
});
