import type { CommandModule } from 'yargs';
import { exitCodes } from '../base/exit-code.ts';
import { clusterOptions } from './cluster-options.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { parameterOption, parseNameValues } from './name-value.ts';
import { withCluster } from './with-cluster.ts';
import { writeLine } from './write-line.ts';

/** `pipeline doctor [FILE]` */
export function doctorCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'doctor [file]',
    describe: 'check what a run will need: API, rights, secrets, builder, registry, images; changes nothing',
    builder: (yargs) =>
      clusterOptions(yargs)
        .positional('file', { type: 'string', describe: 'the pipeline file' })
        .option('param', parameterOption)
        .option('docker-host', {
          type: 'string',
          describe: 'Docker Engine; default: $DOCKER_HOST, else the local socket',
        })
        .option('output', { choices: ['text', 'json'] as const, default: 'text' as const }),
    handler: async (args) => {
      const { doctorFile } = await import('../app/doctor-file.ts');
      const parameters = parseNameValues('--param', args['param']);
      const marks = { ok: '✓', warning: '!', failed: '✗' } as const;
      await withCluster(args, async (connection, signal) => {
        const { dockerHost, file } = args;
        const findings = doctorFile({
          ...(typeof file === 'string' ? { file } : {}),
          parameters,
          build: typeof dockerHost === 'string' ? { dockerHost } : {},
          connection,
          signal,
        });
        for await (const finding of findings) {
          if (finding.state === 'failed') setExitCode(exitCodes.infrastructure);
          const text = `${marks[finding.state]} ${finding.message}${finding.hint === undefined ? '' : `\n    ${finding.hint}`}`;
          await writeLine(process.stdout, args['output'] === 'json' ? JSON.stringify(finding) : text);
        }
      });
    },
  };
}
