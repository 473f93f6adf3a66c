import { describe, expect, it } from '@jest/globals';
import { aggregatedDiscovery, aggregatedVersion } from '../../../../src/sandbox/api/discovery.ts';

const wish = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

describe('the version of aggregated discovery', () => {
  it.each([
    ['kubectl 1.26 to 1.29, which know v2beta1 alone', `${wish('v2beta1')},application/json`, 'v2beta1'],
    ['kubectl since 1.30', `${wish('v2')},${wish('v2beta1')},application/json`, 'v2'],
    ['a client that writes spaces', `application/json, ${wish('v2').replaceAll(';', '; ')}`, 'v2'],
    ['a version that is not there, with one that is', `${wish('v3')},${wish('v2')}`, 'v2'],
  ])('is for %s the first of its wishes that is there', (_client, accept, version) => {
    expect(aggregatedVersion(accept)).toBe(version);
  });

  it.each([undefined, '', 'application/json', wish('v3')])('is none for %s', (accept) => {
    expect(aggregatedVersion(accept)).toBeUndefined();
  });

  it('stands in the answer', () => {
    expect(aggregatedDiscovery([], 'api', 'v2beta1')).toMatchObject({
      apiVersion: 'apidiscovery.k8s.io/v2beta1',
    });
  });
});
