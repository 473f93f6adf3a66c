import { describe, expect, it } from '@jest/globals';
import { aggregatedDiscovery, wantsAggregated } from '../../../../src/sandbox/api/discovery.ts';

const wish = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

describe('aggregated discovery', () => {
  it.each([
    ['kubectl since 1.30', `${wish('v2')},${wish('v2beta1')},application/json`],
    ['a client that writes spaces', `application/json, ${wish('v2').replaceAll(';', '; ')}`],
    ['a client that would rather have another version', `${wish('v3')},${wish('v2')}`],
  ])('is for %s', (_client, accept) => {
    expect(wantsAggregated(accept)).toBe(true);
  });

  it.each([undefined, '', 'application/json', wish('v3'), `${wish('v2beta1')},application/json`])(
    'is not for %s',
    (accept) => {
      expect(wantsAggregated(accept)).toBe(false);
    },
  );

  it('tells its version', () => {
    expect(aggregatedDiscovery([], 'api')).toMatchObject({ apiVersion: 'apidiscovery.k8s.io/v2' });
  });
});
