import { describe, expect, it } from '@jest/globals';
import {
  canaryIngress,
  ingressShare,
  unsplittableIngress,
  type Ingress,
} from '../../../src/kubernetes/canary-ingress.ts';

const prefix = 'nginx.ingress.kubernetes.io/';
const to = (name: string) => ({ service: { name, port: { number: 80 } } });
const path = (name: string, at = '/') => ({ path: at, pathType: 'Prefix', backend: to(name) });
const main: Ingress = {
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  metadata: { name: 'shop', namespace: 'shop', annotations: { other: 'x' } },
  spec: {
    ingressClassName: 'nginx',
    rules: [
      { host: 'a.test', http: { paths: [path('web'), path('api', '/api')] } },
      { host: 'b.test', http: { paths: [path('api')] } },
      { host: 'c.test' },
    ],
  },
};
const backends = { service: 'web', candidate: 'web-canary' };

describe('the canary Ingress of a release', () => {
  it('has the paths of the Service, its share and its label', () => {
    expect(canaryIngress(main, backends, { percent: 20, labels: { mine: 'web' } })).toEqual({
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
      metadata: {
        ...{ name: 'web-canary', namespace: 'shop', labels: { mine: 'web' } },
        annotations: { [`${prefix}canary`]: 'true', [`${prefix}canary-weight`]: '20' },
      },
      spec: {
        ingressClassName: 'nginx',
        rules: [{ host: 'a.test', http: { paths: [path('web-canary')] } }],
      },
    });
  });

  it('has the header of testers, and the class of before there was a field for it', () => {
    const old = {
      ...main,
      metadata: { name: 'shop', annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
      spec: {},
    };
    const tester = { name: 'x-tester', value: 'yes' };
    expect(canaryIngress(old, backends, { percent: 0, tester, labels: {} })).toMatchObject({
      metadata: {
        annotations: {
          'kubernetes.io/ingress.class': 'nginx',
          [`${prefix}canary-weight`]: '0',
          [`${prefix}canary-by-header`]: 'x-tester',
          [`${prefix}canary-by-header-value`]: 'yes',
        },
      },
      spec: { rules: [] },
    });
  });

  it('tells the share that it has', () => {
    const canary = canaryIngress(main, backends, { percent: 35, labels: {} });
    const withAnnotations = (annotations: Record<string, string>) => ({
      ...canary,
      metadata: { name: 'x', annotations },
    });
    expect(ingressShare(canary)).toBe(35);
    expect(ingressShare(undefined)).toBe('absent');
    expect(ingressShare({ ...canary, metadata: { name: 'x' } })).toBe('mixed');
    expect(ingressShare(withAnnotations({ [`${prefix}canary`]: 'true' }))).toBe('mixed');
    expect(
      ingressShare(withAnnotations({ [`${prefix}canary`]: 'true', [`${prefix}canary-weight`]: '3x' })),
    ).toBe('mixed');
    expect(
      ingressShare(withAnnotations({ [`${prefix}canary`]: 'false', [`${prefix}canary-weight`]: '3' })),
    ).toBe('mixed');
  });

  it('needs a path of the first one that names the Service', () => {
    expect(unsplittableIngress(main, 'web')).toBeUndefined();
    expect(unsplittableIngress(main, 'other')).toBe('sends nothing to Service other');
    expect(unsplittableIngress({ ...main, spec: {} }, 'web')).toBe('sends nothing to Service web');
  });
});
