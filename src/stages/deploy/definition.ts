import type { StageDefinition } from '../../ports/stage.ts';
import { deploySettings } from './settings.ts';

/** `deploy:` in a file. */
export const deployDefinition: StageDefinition = {
  key: 'deploy',
  fields: { deploy: deploySettings },
  scripts: [],
  // Which pods are the new ones is known when they are there.
  lateNames: { at: ['deploy.analyses.*.prometheus.query'], names: ['candidate', 'stable'] },
  needsAgent: true,
};
