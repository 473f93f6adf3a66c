import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { entryFile } from '../../../src/base/entry-file.ts';

describe('the file that a further process starts with', () => {
  it('is the source in a working copy', () => {
    const file = entryFile('sandbox/start');

    expect(file.endsWith(join('src', 'sandbox', 'start.ts'))).toBe(true);
    expect(existsSync(file)).toBe(true);
  });
});
