import type { CommandModule } from 'yargs';
import { policyFiles, policyOption } from './policy-option.ts';
import { writeJson, writeLine } from './write-line.ts';

/** `pipeline validate FILE` */
export function validateCommand(): CommandModule {
  return {
    command: 'validate <file>',
    describe: 'check a pipeline file; reaches no cluster',
    builder: (yargs) =>
      yargs
        .positional('file', { type: 'string', demandOption: true, describe: 'the pipeline file' })
        .option('policy', policyOption)
        .option('output', { choices: ['text', 'json'] as const, default: 'text' as const }),
    handler: (args) =>
      validate(String(args['file']), args['output'] === 'json' ? 'json' : 'text', policyFiles(args)),
  };
}

/** Checks a file and prints the result on stdout. @throws PipelineFileError */
export async function validate(
  file: string,
  output: 'text' | 'json',
  policies: readonly string[],
): Promise<void> {
  const { formatDiagnostic, validateFile } = await import('../app/validate.ts');
  const result = await validateFile(file, policies);
  if (output === 'json') {
    await writeJson(process.stdout, { type: 'valid', ...result });
    return;
  }
  for (const warning of result.warnings) await writeLine(process.stderr, formatDiagnostic(warning));
  const stages = `${String(result.stages)} stage${result.stages === 1 ? '' : 's'}`;
  const within = result.policies === undefined ? '' : `, allowed by policy ${result.policies.join(', ')}`;
  await writeLine(
    process.stdout,
    `${result.file}: pipeline ${result.pipeline} is valid (${stages})${within}`,
  );
}
