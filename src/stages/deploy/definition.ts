import type { StageDefinition } from '../../ports/stage.ts';
import { deploySettings } from './settings.ts';

/** `deploy:` in a file. */
export const deployDefinition: StageDefinition = {
  key: 'deploy',
  fields: { deploy: deploySettings },
  scripts: [],
  needsAgent: true,
};
