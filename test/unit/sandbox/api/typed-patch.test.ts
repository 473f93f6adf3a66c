import { afterAll, describe, expect, it } from '@jest/globals';
import { checkAppliedFields, checkFields } from '../../../../src/sandbox/api/field-validation.ts';
import type { ApiRequest } from '../../../../src/sandbox/api/request.ts';
import { StatusError } from '../../../../src/sandbox/api/status-error.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import { createObjects } from '../../../../src/sandbox/store/create-objects.ts';

const objects = createObjects(':memory:');
objects.catalog.setCustom([
  {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Boat', plural: 'boats' },
    versions: [{ name: 'v1', served: true, storage: true }],
  },
]);
afterAll(() => {
  objects.close();
});

const kindOf = (name: string) => objects.catalog.byKind(name)!;
const applied = (kind: string, object: Fields): Fields =>
  checkAppliedFields({ kind: kindOf(kind), namespace: 'default', name: 'web' }, object);

/** What a write answers: the object that it would store, or the Status. */
function attempt(check: () => Fields): Fields {
  try {
    return check();
  } catch (error) {
    if (error instanceof StatusError) return error.toStatus();
    throw error;
  }
}

const deployment = (spec: Fields): Fields => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec,
});

describe('what is applied', () => {
  it('is taken as it is when it fits its kind', () => {
    const object = deployment({
      replicas: 2,
      strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
      template: {
        metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
        spec: { containers: [{ name: 'main', resources: { limits: { cpu: 1, memory: '64Mi' } } }] },
      },
    });

    const kept = applied('Deployment', object);

    const resources = { limits: { cpu: '1', memory: '64Mi' } };
    expect(kept['spec']).toMatchObject({ template: { spec: { containers: [{ name: 'main', resources }] } } });
  });

  it('is refused with 500 and no reason, naming every fault by its path', () => {
    const container = { name: 'main', imag: 'x', env: [{ name: 'A', value: 1 }, { name: 'A' }] };
    const object = deployment({ replicas: 'two', template: { spec: { containers: [container] } } });

    const status = attempt(() => applied('Deployment', object));

    const place = '.spec.template.spec.containers[name="main"]';
    expect(status).toMatchObject({ code: 500, status: 'Failure' });
    expect(status).not.toHaveProperty('reason');
    expect(String(status['message']).split('\n')).toEqual([
      'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:',
      '  .spec.replicas: expected numeric (int or float), got *value.valueUnstructured',
      `  ${place}.imag: field not declared in schema`,
      `  ${place}.env[name="A"].value: expected string, got &value.valueUnstructured{Value:1}`,
      `  ${place}.env: duplicate entries for key [name="A"]`,
    ]);
  });

  it.each<[string, Fields, string]>([
    ['of a map', { data: ['a', { b: 1 }] }, '.data: expected map, got &{[a map[b:1]]}'],
    [
      'of a text',
      { data: { a: { b: ['c', null] } } },
      '.data.a: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"b":[]interface {}{"c", interface {}(nil)}}}',
    ],
    ['of a boolean', { immutable: 'no' }, '.immutable: expected boolean, got &{no}'],
  ])('shows a value in the place %s as Go prints it', (_place, fields, message) => {
    const status = attempt(() => applied('ConfigMap', { metadata: { name: 'web' }, ...fields }));

    expect(status['message']).toBe(
      `failed to create typed patch object (default/web; /v1, Kind=ConfigMap): ${message}`,
    );
  });

  it('of a custom kind is held to the types of its metadata alone', () => {
    const boat = (metadata: Fields): Fields => ({
      metadata: { name: 'web', ...metadata },
      sails: [{}, 'two'],
    });

    expect(applied('Boat', boat({}))).toMatchObject({ sails: [{}, 'two'] });
    expect(attempt(() => applied('Boat', boat({ label: {} })))).toMatchObject({
      message: expect.stringContaining('.metadata.label: field not declared in schema'),
    });
  });
});

describe('what is created', () => {
  const created = (kind: string, object: Fields): Fields => {
    const response = { appendHeader: () => response };
    const request = { kind: kindOf(kind), query: new URLSearchParams(), response };
    return attempt(() => checkFields(request as unknown as ApiRequest, object));
  };

  it.each<[string, string, Fields, string]>([
    [
      'a number beyond 32 bits',
      'Deployment',
      { spec: { replicas: 99_999_999_999 } },
      'spec.replicas of type int32',
    ],
    ['bytes that are no base64', 'Secret', { data: { a: 'not base64!' } }, 'base64 data at input byte 3'],
    ['bytes that end too early', 'Secret', { data: { a: 'YWJ' } }, 'illegal base64 data at input byte 3'],
    [
      'a time that is none',
      'ConfigMap',
      { metadata: { creationTimestamp: 'yesterday' } },
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00"',
    ],
    [
      'a time without its microseconds',
      'Lease',
      { spec: { renewTime: '2026-01-01T00:00:00Z' } },
      'as "2006-01-02T15:04:05.000000Z07:00"',
    ],
    [
      'a quantity that is a boolean',
      'Pod',
      { spec: { overhead: { cpu: true } } },
      'quantities must match the regular expression',
    ],
  ])('is refused with 400 for %s', (_what, kind, object, message) => {
    const status = created(kind, object);

    expect(status).toMatchObject({ code: 400, message: expect.stringContaining(message) });
  });

  it('may have properties that are called like fields that hold quantities', () => {
    const limits = { type: 'object', properties: { requests: { type: 'string' } } };
    const schema = { openAPIV3Schema: { type: 'object', properties: { limits } } };
    const spec = { versions: [{ name: 'v1', schema }] };

    expect(created('CustomResourceDefinition', { spec })).toEqual({ spec });
  });
});
