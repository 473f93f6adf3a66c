import type { StageDefinition } from '../../ports/stage.ts';
import { runFields } from './schema.ts';

/** `run:` in a file. */
export const runDefinition: StageDefinition = {
  key: 'run',
  fields: runFields,
  scripts: ['run'],
  needsAgent: true,
  restoresWorkspace: true,
};
