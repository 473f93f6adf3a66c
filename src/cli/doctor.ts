import type { CommandModule } from 'yargs';
import { defined } from '../base/defined.ts';
import { exitCodes } from '../base/exit-code.ts';
import { clusterOptions } from './cluster-options.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { parameterOption, parseNameValues } from './name-value.ts';
import { policyFiles, policyOption } from './policy-option.ts';
import { withCluster } from './with-cluster.ts';
import { writeJson, writeLine } from './write-line.ts';

/** `pipeline doctor [FILE]` */
export function doctorCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'doctor [file]',
    describe: 'check what a run needs: API, rights, secrets, builder, registry, images; changes nothing',
    builder: (yargs) =>
      clusterOptions(yargs)
        .positional('file', { type: 'string', describe: 'the pipeline file' })
        .option('param', parameterOption)
        .option('policy', policyOption)
        .option('docker-host', {
          type: 'string',
          describe: 'Docker Engine; default: $DOCKER_HOST, else the local socket',
        })
        .option('output', { choices: ['text', 'json'] as const, default: 'text' as const }),
    handler: async (args) => {
      const [{ doctorFile }, { readPlan }, { readPolicies }] = await Promise.all([
        import('../app/doctor-file.ts'),
        import('../app/plan-file.ts'),
        import('../app/policies.ts'),
      ]);
      const parameters = parseNameValues('--param', args['param']);
      const marks = { ok: '✓', warning: '!', failed: '✗' } as const;
      const { dockerHost, file } = args;
      const files = policyFiles(args);
      const planned =
        typeof file === 'string'
          ? await readPlan(file, { parameters, trigger: {}, policyFiles: files })
          : undefined;
      const policies = planned?.policies ?? (await readPolicies(files));
      await withCluster(args, async (connection, signal) => {
        const findings = doctorFile({
          ...defined({ planned, policies }),
          build: typeof dockerHost === 'string' ? { dockerHost } : {},
          connection,
          signal,
        });
        // A hint stands once below all the findings in a row that it is for.
        let hint: string | undefined;
        const writeHint = async () => {
          if (hint !== undefined) await writeLine(process.stdout, `    ${hint}`);
        };
        for await (const finding of findings) {
          if (finding.state === 'failed') setExitCode(exitCodes.infrastructure);
          if (args['output'] === 'json') {
            await writeJson(process.stdout, finding);
            continue;
          }
          if (finding.hint !== hint) await writeHint();
          hint = finding.hint;
          await writeLine(process.stdout, `${marks[finding.state]} ${finding.message}`);
        }
        await writeHint();
      });
    },
  };
}
