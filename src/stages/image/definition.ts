import type { StageDefinition } from '../../ports/stage.ts';
import { imageFields } from './schema.ts';

/** `image:` in a file. */
export const imageDefinition: StageDefinition = {
  key: 'image',
  fields: imageFields,
  scripts: [],
  secretNames: ['image.credentials', 'image.docker.certificates'],
  needsAgent: true,
};
