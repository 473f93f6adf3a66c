import type { CommandModule } from 'yargs';
import { writeLine } from './write-line.ts';

/** `pipeline validate FILE` */
export function validateCommand(): CommandModule {
  return {
    command: 'validate <file>',
    describe: 'check a pipeline file; reaches no cluster',
    builder: (yargs) =>
      yargs
        .positional('file', { type: 'string', demandOption: true, describe: 'the pipeline file' })
        .option('output', { choices: ['text', 'json'] as const, default: 'text' as const }),
    handler: (args) => validate(String(args['file']), args['output'] === 'json' ? 'json' : 'text'),
  };
}

/** Checks a file and tells the result on stdout. @throws PipelineFileError */
export async function validate(file: string, output: 'text' | 'json'): Promise<void> {
  const { formatDiagnostic, validateFile } = await import('../app/validate.ts');
  const result = await validateFile(file);
  if (output === 'json') {
    await writeLine(process.stdout, JSON.stringify({ type: 'valid', ...result }));
    return;
  }
  for (const warning of result.warnings) await writeLine(process.stderr, formatDiagnostic(warning));
  const stages = `${String(result.stages)} stage${result.stages === 1 ? '' : 's'}`;
  await writeLine(process.stdout, `${result.file}: pipeline ${result.pipeline} is valid (${stages})`);
}
