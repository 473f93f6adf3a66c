import { describe, expect, it } from '@jest/globals';
import { lastAppliedOf } from '../../../src/kubernetes/last-applied.ts';

const applied = (annotations?: Record<string, string>) =>
  lastAppliedOf({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', ...(annotations && { annotations }) },
  });
const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

describe('what kubectl apply was given last', () => {
  it('is in an annotation', () => {
    expect(applied({ [annotation]: '{"data":{"a":"b"}}' })).toEqual({ data: { a: 'b' } });
  });

  it.each(['{', '[]', '"text"', 'null'])('is not known where there is %s', (text) => {
    expect(applied({ [annotation]: text })).toBeUndefined();
  });

  it('is not known of an object that was made in another way', () => {
    expect(applied()).toBeUndefined();
    expect(applied({ other: '{}' })).toBeUndefined();
  });
});
