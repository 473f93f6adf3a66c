import { describe, expect, it } from '@jest/globals';
import { openApiV2 } from '../../../../src/sandbox/api/openapi/v2.ts';
import { encodeOpenApiV2 } from '../../../../src/sandbox/api/openapi/v2-protobuf.ts';
import { openApiDocument } from '../../../../src/sandbox/api/openapi/v3.ts';
import { createCatalog } from '../../../../src/sandbox/kinds/catalog.ts';
import { at } from '../../../../src/sandbox/kinds/fields.ts';
import { apiVersionOf } from '../../../../src/sandbox/kinds/kind.ts';

const kinds = createCatalog().all();
const document = openApiV2(kinds);
const definition = (name: string): unknown => document.definitions[`io.k8s.V1.${name}`];

/** Every value of `$ref` below a value. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, below]) =>
    name === '$ref' && typeof below === 'string' ? [below] : references(below),
  );
}

describe('the OpenAPI document of version 2', () => {
  it('has every kind, and PATCH with the dry run of each', () => {
    const types = Object.values(document.definitions).flatMap(
      (schema) => schema['x-kubernetes-group-version-kind'] ?? [],
    );

    expect(types).toHaveLength(kinds.length);
    expect(
      at(document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'], 'patch'),
    ).toMatchObject({
      'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' },
      parameters: expect.arrayContaining([{ name: 'dryRun', in: 'query', type: 'string' }]),
    });
  });

  it('refers to nothing that is not in it', () => {
    const known = new Set(Object.keys(document.definitions).map((name) => `#/definitions/${name}`));

    expect(references(document.definitions).filter((reference) => !known.has(reference))).toEqual([]);
  });

  it.each([
    [
      'PodSpec',
      'containers',
      { 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge' },
    ],
    [
      'PodSpec',
      'volumes',
      { 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
    ],
    ['Container', 'ports', { 'x-kubernetes-patch-merge-key': 'containerPort' }],
    ['ObjectMeta', 'finalizers', { 'x-kubernetes-patch-strategy': 'merge' }],
    ['DeploymentSpec', 'strategy', { 'x-kubernetes-patch-strategy': 'retainKeys' }],
  ])('says how %s.%s is merged, as kubectl needs it for its patches', (model, field, extensions) => {
    expect(at(definition(model), 'properties', field)).toMatchObject(extensions);
  });

  it('says nothing of lists that are replaced', () => {
    expect(Object.keys(at(definition('PodSpec'), 'properties', 'tolerations') as object)).not.toContain(
      'x-kubernetes-patch-merge-key',
    );
  });

  it('in protobuf has its fields by their numbers', () => {
    const bytes = encodeOpenApiV2({
      swagger: '2.0',
      info: { title: 'T', version: 'v1' },
      paths: {},
      definitions: { A: { type: 'object', required: ['b'] } },
    });

    expect([...bytes]).toEqual([
      ...[0x0a, 3, ...Buffer.from('2.0')], // swagger = 1
      ...[0x12, 7, 0x0a, 1, ...Buffer.from('T'), 0x12, 2, ...Buffer.from('v1')], // info = 2: title, version
      ...[0x42, 0], // paths = 8
      ...[0x4a, 22, 0x0a, 20], // definitions = 9: additional_properties = 1
      ...[0x0a, 1, ...Buffer.from('A'), 0x12, 15], // name = 1, value = 2
      ...[0x9a, 0x01, 1, ...Buffer.from('b')], // required = 19
      ...[0xb2, 0x01, 8, 0x0a, 6, ...Buffer.from('object')], // type = 22: value = 1
    ]);
  });
});

describe('the OpenAPI documents of version 3', () => {
  it.each([...new Set(kinds.map(apiVersionOf))])('can be made for %s', (version) => {
    expect(openApiDocument(kinds, version)).toMatchObject({ openapi: '3.0.0' });
  });
});
