import type { CommandModule } from 'yargs';
import { writeJson } from './write-line.ts';

/** `pipeline schema` */
export function schemaCommand(): CommandModule {
  return {
    command: 'schema',
    describe: 'print the JSON Schema of the pipeline file, for editors',
    handler: async () => {
      const { schemaOfFile } = await import('../app/validate.ts');
      await writeJson(process.stdout, schemaOfFile(), 2);
    },
  };
}
