import type { StageDefinition } from '../../ports/stage.ts';
import { verifySettings } from './settings.ts';

/** `verify:` in a file. */
export const verifyDefinition: StageDefinition = {
  key: 'verify',
  fields: { verify: verifySettings },
  scripts: ['verify.script.run'],
  secretNames: ['verify.http.headers.*.secret'],
  needsAgent: ['verify.script'],
};
