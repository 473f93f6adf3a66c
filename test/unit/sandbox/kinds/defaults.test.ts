import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fillDefaults } from '../../../../src/sandbox/kinds/defaults.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import { describeModel, fieldsOfModel } from '../../../../src/sandbox/kinds/model.ts';
import { defaultPullPolicy, qualityOfService } from '../../../../src/sandbox/kinds/pod-defaults.ts';
import { kindTable } from '../../../../src/sandbox/kinds/table.ts';

describe('the pull policy', () => {
  it.each<[string, string]>([
    ['app', 'Always'],
    ['app:latest', 'Always'],
    ['app:1', 'IfNotPresent'],
    ['host:5000/app', 'Always'],
    ['host:5000/app:1', 'IfNotPresent'],
    ['app:latest@sha256:00', 'IfNotPresent'],
  ])('of %s is %s', (image, policy) => {
    expect(defaultPullPolicy(image)).toBe(policy);
  });
});

describe('the quality of service', () => {
  const container = (resources: Fields): Fields => ({ containers: [{ resources }] });

  it.each<[string, Fields, string]>([
    ['nothing asked for', container({}), 'BestEffort'],
    ['a request', container({ requests: { cpu: '1' } }), 'Burstable'],
    [
      'requests as limits',
      container({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }),
      'Guaranteed',
    ],
  ])('with %s', (_what, spec, expected) => {
    expect(qualityOfService(spec)).toBe(expected);
  });
});

describe('defaults', () => {
  it('of a Deployment are those of the API server', () => {
    const object: Fields = { spec: { template: { spec: { containers: [{ name: 'a', image: 'app:1' }] } } } };

    fillDefaults('Deployment', object);

    expect(object['spec']).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst' },
      },
    });
  });

  it('leave what is given, and filled in twice are as filled in once', () => {
    const given = fc.record(
      { replicas: fc.nat(5), strategy: fc.constantFrom({ type: 'Recreate' }, { type: 'RollingUpdate' }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, (spec) => {
        const once: Fields = { spec: structuredClone(spec) };
        fillDefaults('Deployment', once);
        const twice = structuredClone(once);
        fillDefaults('Deployment', twice);
        expect(twice).toEqual(once);
        if (spec.replicas !== undefined) expect((once['spec'] as Fields)['replicas']).toBe(spec.replicas);
      }),
    );
  });

  it('turn the plain texts of a Secret into data', () => {
    const secret: Fields = { stringData: { a: 'x' }, data: { b: 'eQ==' } };

    fillDefaults('Secret', secret);

    expect(secret).toEqual({ type: 'Opaque', data: { a: 'eA==', b: 'eQ==' } });
  });
});

describe('the table of kinds', () => {
  it.each(kindTable.map((kind) => [kind.kind, kind.model]))('knows the fields of %s', (_kind, model) => {
    expect(fieldsOfModel(model!).map((field) => field.name)).toEqual(
      expect.arrayContaining(['metadata', 'kind']),
    );
  });

  it('tells names, types and documentation', () => {
    const described = describeModel('V1EnvVar');

    expect(described.fields.find((field) => field.name === 'name')).toMatchObject({
      type: 'string',
      required: true,
      description: expect.stringContaining('Name of the environment variable'),
    });
  });
});
