import { expect, it } from '@jest/globals';
import { globSync } from 'node:fs';
import path from 'node:path';
import { validateFile } from '../../../../src/app/validate.ts';

const root = path.join(import.meta.dirname, '../../../..');

it.each(globSync('examples/*/app.yaml', { cwd: root }).sort())('nothing is warned of in %s', async (file) => {
  expect(await validateFile(path.join(root, file), [])).toMatchObject({ warnings: [] });
});
