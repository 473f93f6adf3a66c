import { describe, expect, it } from '@jest/globals';
import { fieldPathIn } from '../../../../src/stages/deploy/field-path.ts';

const object = {
  metadata: { labels: { 'example.com/tier': 'a' } },
  data: { 'a/b': '' },
  spec: {
    ports: [{ port: 80 }, { port: 81, protocol: 'UDP' }],
    containers: [{ name: 'log' }, { name: 'web', env: [{ name: 'A.B' }] }],
  },
};

describe('the field that a refusal names', () => {
  it.each<[string, (string | number)[]]>([
    ['failed to create typed patch object: .spec.replicas: expected numeric', ['spec', 'replicas']],
    [
      'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.containers[name="web"].imag: field not declared in schema',
      ['spec', 'containers', 1, 'imag'],
    ],
    [
      'typed patch object: .spec.containers[name="web"].env[name="A.B"].value: expected string',
      ['spec', 'containers', 1, 'env', 0, 'value'],
    ],
    ['typed patch object: .spec.ports[port=80,protocol="TCP"].x: no', ['spec', 'ports', 0, 'x']],
    ['typed patch object: .spec.ports[port=81,protocol="UDP"].x: no', ['spec', 'ports', 1, 'x']],
    ['errors:\n  .spec.a: field not declared in schema\n  .spec.b: no', ['spec', 'a']],
    [
      'Deployment.apps "web" is invalid: spec.containers[1].image: Required value',
      ['spec', 'containers', 1, 'image'],
    ],
    ['Pod "w" is invalid: [spec.a: Required value, spec.b: Required value]', ['spec', 'a']],
    ['ConfigMap "s" is invalid: data[a/b]: Invalid value: "a/b"', ['data', 'a/b']],
    ['unknown field "spec.containers[1].imag"', ['spec', 'containers', 1, 'imag']],
    ['typed patch object: .spec: expected map, got &{x}', ['spec']],
    ['typed patch object: .spec.containers[name="gone"].env: no', ['spec', 'containers']],
    ['admission webhook "w.example.com" denied the request: no', []],
    ['cannot apply deployments "web" in namespace "shop": quantities must match', []],
  ])('%s', (message, path) => {
    expect(fieldPathIn(message, object)).toEqual(path);
  });
});
