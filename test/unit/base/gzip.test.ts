import { describe, expect, it } from '@jest/globals';
import { gunzipText, gzipText } from '../../../src/base/gzip.ts';

describe('a compressed text', () => {
  it('is the same again', async () => {
    const text = 'naïve ☺\n'.repeat(100);
    const bytes = await gzipText(text);

    expect(bytes.length).toBeLessThan(text.length / 2);
    expect(await gunzipText(bytes, 10_000)).toBe(text);
  });

  it('is refused when it has more than it may, or is damaged', async () => {
    const bytes = await gzipText('a'.repeat(1001));

    await expect(gunzipText(bytes, 1000)).rejects.toThrow();
    await expect(gunzipText(bytes.subarray(0, -9), 2000)).rejects.toThrow();
  });
});
