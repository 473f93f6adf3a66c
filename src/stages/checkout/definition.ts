import type { StageDefinition } from '../../ports/stage.ts';
import { checkoutFields } from './schema.ts';

/** `checkout:` in a file. */
export const checkoutDefinition: StageDefinition = {
  key: 'checkout',
  fields: checkoutFields,
  scripts: [],
  secretNames: ['checkout.credentials'],
  needsAgent: true,
  providesSource: true,
  restoresWorkspace: true,
};
