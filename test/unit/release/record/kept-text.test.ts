import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  countOfParts,
  partName,
  partsOf,
  textOf,
  type DataObject,
  type KeptKind,
} from '../../../../src/release/record/kept-text.ts';

/** The objects as the API gives them back: it has no stringData, and a Secret's data in base64. */
async function kept(text: string, kind: KeptKind): Promise<DataObject[]> {
  return (await partsOf(text, kind)).map(({ stringData = {}, ...content }) => {
    const encoded = Object.entries(stringData).map(([key, value]) => [
      key,
      Buffer.from(value).toString('base64'),
    ]);
    const data = { ...content.data, ...(Object.fromEntries(encoded) as Record<string, string>) };
    return { apiVersion: 'v1', kind, metadata: { name: 'kept' }, ...content, data };
  });
}

describe.each<KeptKind>(['ConfigMap', 'Secret'])('a text in a %s', (kind) => {
  it('is one that people can read, up to 900 kB', async () => {
    const text = `ä${'x'.repeat(899_998)}`;

    const objects = await kept(text, kind);

    expect(await partsOf(text, kind)).toEqual([
      kind === 'Secret' ? { stringData: { objects: text } } : { data: { objects: text } },
    ]);
    expect(objects.map(countOfParts)).toEqual([1]);
    expect(await textOf(objects)).toBe(text);
  });

  it('is compressed when it is longer', async () => {
    const text = 'x'.repeat(900_001);

    const objects = await kept(text, kind);

    expect(objects).toHaveLength(1);
    expect(objects.map(countOfParts)).toEqual([1]);
    expect(JSON.stringify(objects).length).toBeLessThan(10_000);
    expect(await textOf(objects)).toBe(text);
  });

  it('is in parts of 700 kB where one object does not hold it', async () => {
    const text = randomBytes(1_000_000).toString('base64');

    const objects = await kept(text, kind);

    expect(objects).toHaveLength(2);
    expect(objects.map(countOfParts)).toEqual([2, 2]);
    expect(await textOf(objects)).toBe(text);
    const [first, second] = objects as [DataObject, DataObject];
    await expect(textOf([first])).rejects.toThrow();
    await expect(textOf([second, first])).rejects.toThrow();
    expect(await textOf([first, { ...second, data: {}, binaryData: {} }])).toBeUndefined();
  });
});

describe('objects that keep no text', () => {
  it('have none', async () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' } };

    expect(await textOf([])).toBeUndefined();
    expect(await textOf([object])).toBeUndefined();
    expect(await textOf([{ ...object, kind: 'Secret' }])).toBeUndefined();
    expect(countOfParts(object)).toBe(1);
    expect(countOfParts({ ...object, kind: 'Secret' })).toBe(1);
  });
});

describe('the name of a part', () => {
  it('is that of the text for the first one', () => {
    expect([0, 1, 2].map((index) => partName('kept', index))).toEqual(['kept', 'kept.1', 'kept.2']);
  });
});
