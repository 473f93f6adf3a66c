import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { versionConfiguration } from '../../../../src/stages/deploy/version-configuration.ts';

const configMap = (name: string, data: Record<string, string>, more: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', ...more },
  data,
});

const secret = (name: string): KubernetesObject => ({
  ...configMap(name, { key: 'dmFsdWU=' }),
  kind: 'Secret',
});

function deployment(podSpec: object): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { template: { spec: { containers: [], ...podSpec } } },
  };
}

const names = (objects: readonly KubernetesObject[]) => objects.map(({ metadata }) => metadata.name);

describe('versionConfiguration', () => {
  it('renames configuration and every reference to it in pod templates', () => {
    const container = {
      name: 'web',
      envFrom: [{ configMapRef: { name: 'web' } }, { secretRef: { name: 'web' } }],
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'web', key: 'key' } } },
      ],
    };
    const volumes = [
      { name: 'one', configMap: { name: 'web' } },
      { name: 'two', secret: { secretName: 'web' } },
      {
        name: 'three',
        projected: { sources: [{ configMap: { name: 'web' } }, { secret: { name: 'web' } }] },
      },
    ];

    const [map, hidden, workload] = versionConfiguration([
      configMap('web', { a: '1' }),
      secret('web'),
      deployment({ containers: [container], volumes }),
    ]);

    expect(map?.metadata.name).toMatch(/^web-[0-9a-f]{10}$/);
    expect(map).toMatchObject({
      immutable: true,
      metadata: { labels: { 'slipway.dev/configuration': 'web' } },
    });
    const text = JSON.stringify(workload);
    expect(text.split(`"${map?.metadata.name ?? ''}"`)).toHaveLength(5);
    expect(text.split(`"${hidden?.metadata.name ?? ''}"`)).toHaveLength(5);
    expect(text).not.toContain('"name":"web","key"');
  });

  it('gives the same name to the same content, whatever the order of its keys, and another to another', () => {
    const nameOf = (data: Record<string, string>) =>
      names(
        versionConfiguration([
          configMap('web', data),
          deployment({ volumes: [{ configMap: { name: 'web' } }] }),
        ]),
      )[0];

    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { minKeys: 1 }),
        fc.string({ minLength: 1 }),
        (data, other) => {
          const turned = Object.fromEntries(Object.entries(data).reverse());
          expect(nameOf(turned)).toBe(nameOf(data));
          const [key = ''] = Object.keys(data);
          expect(nameOf({ ...data, [key]: `${data[key] ?? ''}${other}` })).not.toBe(nameOf(data));
        },
      ),
    );
  });

  it('leaves configuration alone that no pod template uses', () => {
    const objects = [configMap('settings', { a: '1' }), deployment({})];

    expect(versionConfiguration(objects)).toEqual(objects);
  });

  it('leaves configuration alone that says so', () => {
    const annotations = { 'slipway.dev/versioned': 'false' };
    const objects = [
      configMap('web', { a: '1' }, { annotations }),
      deployment({ volumes: [{ configMap: { name: 'web' } }] }),
    ];

    expect(versionConfiguration(objects)).toEqual(objects);
  });

  it('does not touch references to configuration that is not among the manifests, or in another namespace', () => {
    const objects = [
      configMap('web', { a: '1' }, { namespace: 'elsewhere' }),
      deployment({ volumes: [{ configMap: { name: 'web' } }] }),
    ];

    expect(versionConfiguration(objects)).toEqual(objects);
  });

  it.each([
    [
      'an Ingress',
      { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', spec: { tls: [{ secretName: 'tls' }] } },
    ],
    ['a custom object', { apiVersion: 'x.io/v1', kind: 'Widget', spec: { credentials: 'tls' } }],
  ])('keeps a Secret under its own name too when %s names it', (_who, other) => {
    const metadata = { name: 'web', namespace: 'shop' };
    const user = deployment({ volumes: [{ secret: { secretName: 'tls' } }] });

    const result = versionConfiguration([secret('tls'), user, { ...other, metadata }]);

    expect(names(result)).toEqual([expect.stringMatching(/^tls-[0-9a-f]{10}$/), 'tls', 'web', 'web']);
  });

  it('keeps a Secret under its own name that pulls images', () => {
    const user = deployment({
      volumes: [{ secret: { secretName: 'pull' } }],
      imagePullSecrets: [{ name: 'pull' }],
    });

    expect(names(versionConfiguration([secret('pull'), user]))).toContain('pull');
  });

  it('is not led astray by a Service whose selector holds the same word', () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { app: 'web' } },
    };
    const user = deployment({ volumes: [{ configMap: { name: 'web' } }] });

    expect(names(versionConfiguration([configMap('web', {}), user, service]))).toEqual([
      expect.stringMatching(/^web-/),
      'web',
      'web',
    ]);
  });
});
